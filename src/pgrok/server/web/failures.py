"""What people see when something is wrong: words, never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pgrok.errors import Conflict, NameRefused, SignInRefused, StoreError
from pgrok.server.decisions import Decisions, Event
from pgrok.server.web.rendering import Renderer
from pgrok.server.web.security import FIELDS

RETRY_SECONDS: Final = 10
"""When to come back after the database did not answer."""

_WORDS: Final[Mapping[int, str]] = {
    404: "There is nothing at this address.",
    405: "This address is not for that kind of request.",
}

_REASONS: Final[Mapping[type[Exception], str]] = {
    SignInRefused: "refused",
    NameRefused: "name",
    Conflict: "identity",
}

_log = logging.getLogger(__name__)


class Failures:
    """Turns errors into pages, and into JSON below `/api/`."""

    def __init__(self, renderer: Renderer, decisions: Decisions) -> None:
        self._renderer = renderer
        self._decisions = decisions

    def handlers(self) -> dict[Any, Any]:
        """Return Starlette's exception handlers."""
        return {
            SignInRefused: self._refused,
            NameRefused: self._refused,
            Conflict: self._refused,
            StoreError: self._store_failed,
            HTTPException: self._http_error,
            Exception: self._bug,
        }

    async def _refused(self, request: Request, error: Exception) -> Response:
        peer = request.client.host if request.client else ""
        reason = _REASONS.get(type(error), "refused")
        self._decisions.refused(Event.SIGN_IN, reason, detail=str(error), peer=peer)
        return self._answer(request, 403, "You are not signed in", str(error))

    async def _store_failed(self, request: Request, error: StoreError) -> Response:
        # Not the path: it may hold the secret of a link, or whatever else somebody asked for.
        _log.error("a page needs the database: %s", error)
        text = "The database does not answer. Open tunnels keep working; try again in a moment."
        headers = {"Retry-After": str(RETRY_SECONDS)}
        return self._answer(request, 503, "Not available right now", text, headers)

    async def _http_error(self, request: Request, error: HTTPException) -> Response:
        phrase = HTTPStatus(error.status_code).phrase
        text = error.detail if error.detail != phrase else _WORDS.get(error.status_code, phrase)
        return self._answer(request, error.status_code, phrase, text, error.headers)

    async def _bug(self, request: Request, error: Exception) -> Response:
        # Outside of the middleware, so the fields have to be added here; who serves us logs it.
        text = "The server failed at this page; its log says why. Other pages may work."
        return self._answer(request, 500, "Failed", text, {**FIELDS, "Cache-Control": "no-store"})

    def _answer(
        self,
        request: Request,
        status: int,
        headline: str,
        text: str,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": text}, status, headers)
        return self._renderer.message(headline, text, status, headers)
