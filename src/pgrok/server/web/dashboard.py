"""What a person sees and does when they are signed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from pgrok.server.registry import LiveTunnels
from pgrok.server.settings import Settings
from pgrok.server.store import Store
from pgrok.server.web.commands import commands
from pgrok.server.web.rendering import Renderer
from pgrok.server.web.sessions import Sessions, SignedIn

TOKEN_LABEL = "dashboard"  # noqa: S105 a name for tokens, not one of them
HINT = (
    "A token is shown for ten minutes after it is made, in the session that made it. Make "
    "another on the dashboard, or with: pgrokd user token {name}"
)


class Dashboard:
    """The dashboard, its live list and its JSON."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        sessions: Sessions,
        renderer: Renderer,
        live_tunnels: LiveTunnels,
        fingerprints: Sequence[str],
        clock: Callable[[], datetime],
    ) -> None:
        self._public_url = settings.proxy.public_url
        self._commands = commands(settings.client_address, next(iter(fingerprints), None))
        self._fingerprints = fingerprints
        self._store = store
        self._sessions = sessions
        self._renderer = renderer
        self._live_tunnels = live_tunnels
        self._clock = clock

    def routes(self) -> list[Route]:
        """Return the routes, without `/`, which depends on who asks."""
        return [
            Route("/api/user-info", self.user_info),
            Route("/-/tunnels", self.tunnels),
            Route("/-/token", self.new_token, methods=["POST"]),
        ]

    async def page(self, signed_in: SignedIn) -> Response:
        """Show address, live tunnels, token and commands."""
        person = signed_in.person
        return self._renderer.page(
            "dashboard.html",
            person=person,
            url=self._public_url(person.name),
            token=await self._store.web_sessions.kept_token(signed_in.session_id),
            commands=self._commands,
            fingerprints=self._fingerprints,
            tunnels=self._live_tunnels(person.id),
            now=self._clock(),
        )

    async def tunnels(self, request: Request) -> Response:
        """Show the live list alone, for the script that keeps it fresh."""
        signed_in = await self._sessions.current(request)
        if signed_in is None:
            return Response(status_code=401)
        return self._renderer.page(
            "_tunnels.html", tunnels=self._live_tunnels(signed_in.person.id), now=self._clock()
        )

    async def user_info(self, request: Request) -> Response:
        """Tell who is signed in, as the original does; `token` only while it is shown."""
        signed_in = await self._sessions.current(request)
        if signed_in is None:
            return JSONResponse({"error": "Sign in first."}, 401)
        person = signed_in.person
        token = await self._store.web_sessions.kept_token(signed_in.session_id)
        info = {
            "displayName": person.display_name,
            "token": token,
            "url": self._public_url(person.name),
        }
        hint = {} if token else {"hint": HINT.format(name=person.name)}
        return JSONResponse(info | hint)

    async def new_token(self, request: Request) -> Response:
        """Make one more token and show it."""
        signed_in = await self._sessions.current(request)
        if signed_in is not None:
            token = await self._store.tokens.issue(signed_in.person.id, TOKEN_LABEL)
            await self._store.web_sessions.keep_token(signed_in.session_id, token)
        return RedirectResponse("/#token", 303)
