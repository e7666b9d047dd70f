"""Ways in and out: the identity provider, one-time links, sign-out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from pgrok.errors import SignInRefused
from pgrok.server.oidc.flow import CALLBACK, Attempt
from pgrok.server.store import Person, Store
from pgrok.server.web.rendering import Renderer
from pgrok.server.web.sessions import Sessions

if TYPE_CHECKING:
    from pgrok.server.oidc.provider import Provider

HOME = "/"
AUTH = "/-/oidc/auth"
FIRST_TOKEN_LABEL = "first sign-in"  # noqa: S105 a name for tokens, not one of them

log = structlog.get_logger(__name__)


class SignIn:
    """Signs people in and out; without a `provider` by links alone."""

    def __init__(
        self, store: Store, sessions: Sessions, renderer: Renderer, provider: Provider | None
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._renderer = renderer
        self._provider = provider

    def routes(self) -> list[Route]:
        """Return the routes of this part."""
        return [
            Route("/api/identity-provider", self.identity_provider),
            Route(AUTH, self.authorize, methods=["GET"]),
            Route(CALLBACK, self.callback, methods=["GET"]),
            Route("/-/link/{raw}", self.link_page, methods=["GET"]),
            Route("/-/link/{raw}", self.follow_link, methods=["POST"]),
            Route("/-/sign-out", self.sign_out_page, methods=["GET"]),
            Route("/-/sign-out", self.sign_out, methods=["POST"]),
        ]

    def page(self) -> Response:
        """Show how to sign in."""
        return self._renderer.page("sign_in.html", provider=self._provider, auth_url=AUTH)

    async def identity_provider(self, request: Request) -> Response:
        """Tell scripts where to sign in, as the original does."""
        provider = self._required_provider()
        return JSONResponse({"displayName": provider.display_name, "authURL": AUTH})

    async def authorize(self, request: Request) -> Response:
        """Begin a sign-in and send the browser to the identity provider."""
        attempt, sign_in_id = Attempt.fresh(), self._sessions.fresh_sign_in_id(request)
        url = await self._required_provider().authorization_url(attempt)
        await self._store.sign_ins.begin(
            attempt.state, attempt.nonce, attempt.verifier, sign_in_id, HOME
        )
        response = RedirectResponse(url, 303)
        self._sessions.set_sign_in_id(response, sign_in_id)
        return response

    async def callback(self, request: Request) -> Response:
        """End a sign-in: check what the identity provider sent the browser back with."""
        answer = dict(request.query_params)
        attempt = await self._take_attempt(answer.get("state"), self._sessions.sign_in_id(request))
        identity = await self._required_provider().identify(answer, attempt)
        person = await self._store.people.sign_in(
            identity.issuer, identity.sub, identity.identifier, identity.display_name
        )
        return await self._enter(request, person)

    async def link_page(self, request: Request) -> Response:
        """Ask before a one-time link is used, so that previews of it don't use it up."""
        return self._renderer.page("link.html")

    async def follow_link(self, request: Request) -> Response:
        """Sign in the person whom a one-time link was made for."""
        person_id = await self._store.sign_ins.take_link(request.path_params["raw"])
        person = None if person_id is None else await self._store.people.get(person_id)
        if person is None:
            raise SignInRefused(
                "This sign-in link was used already, or is too old. Ask the server's admin for "
                "another: pgrokd user link NAME"
            )
        return await self._enter(request, person)

    async def sign_out_page(self, request: Request) -> Response:
        """Ask before signing out: a picture on somebody's page could point here."""
        return self._renderer.page("sign_out.html")

    async def sign_out(self, request: Request) -> Response:
        """Sign out."""
        response = RedirectResponse(HOME, 303)
        await self._sessions.end(request, response)
        return response

    def _required_provider(self) -> Provider:
        if self._provider is None:
            raise HTTPException(404, "This server has no identity provider.")
        return self._provider

    async def _take_attempt(self, state: str | None, sign_in_id: str | None) -> Attempt:
        sign_in = await self._store.sign_ins.take(state) if state else None
        if sign_in is None or sign_in_id is None or not sign_in.belongs_to(sign_in_id):
            raise SignInRefused(
                "This sign-in is too old, was used already, or began in another browser. Sign in "
                "again."
            )
        return Attempt(sign_in.state, sign_in.nonce, sign_in.verifier)

    async def _enter(self, request: Request, person: Person) -> Response:
        response = RedirectResponse(HOME, 303)
        session_id = await self._sessions.begin(request, response, person.id)
        if not await self._store.tokens.active(person.id):
            token = await self._store.tokens.issue(person.id, FIRST_TOKEN_LABEL)
            await self._store.web_sessions.keep_token(session_id, token)
        log.info("signed in at the dashboard", person=person.name)
        return response
