"""The web application as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pgrok.server.registry import LiveTunnels
from pgrok.server.settings import Settings
from pgrok.server.store import Store
from pgrok.server.web.dashboard import Dashboard
from pgrok.server.web.failures import Failures
from pgrok.server.web.monitoring import Monitoring
from pgrok.server.web.rendering import Renderer
from pgrok.server.web.security import STATIC, Guard, Site
from pgrok.server.web.sessions import Sessions
from pgrok.server.web.sign_in import SignIn

if TYPE_CHECKING:
    from pgrok.server.oidc.provider import Provider

STATIC_FOLDERS: Final = (("pgrok.server.web", "static"), ("pgrok.http", "static"))
"""Our own files, and the stylesheet that the pages for visitors share with ours."""


def build(
    settings: Settings,
    store: Store,
    live_tunnels: LiveTunnels,
    host_key_fingerprints: Sequence[str],
    provider: Provider | None,
    clock: Callable[[], datetime],
    monitoring: Monitoring,
) -> Starlette:
    """Return the dashboard as an ASGI application.

    `live_tunnels` tells what a person has open, by their id. The first of
    `host_key_fingerprints` (`SHA256:...`) is the one that our client is shown. `monitoring` has
    what machines ask for, and takes note of what is refused.
    """
    site = Site.of(settings.external_url)
    sessions, renderer = Sessions(store, site), Renderer()
    sign_in = SignIn(store, sessions, renderer, provider)
    dashboard = Dashboard(
        settings, store, sessions, renderer, live_tunnels, host_key_fingerprints, clock
    )

    async def home(request: Request) -> Response:
        signed_in = await sessions.current(request)
        return await dashboard.page(signed_in) if signed_in else sign_in.page()

    application = Starlette(
        routes=[
            Route("/", home),
            *monitoring.for_dashboard(),
            *dashboard.routes(),
            *sign_in.routes(),
            Mount(STATIC, StaticFiles(packages=list(STATIC_FOLDERS))),
        ],
        middleware=[Middleware(Guard, site=site, decisions=monitoring.decisions)],
        exception_handlers=Failures(renderer, monitoring.decisions).handlers(),
    )
    # Its redirects are absolute, and behind a proxy that ends TLS they would lead to plain http.
    application.router.redirect_slashes = False
    return application
