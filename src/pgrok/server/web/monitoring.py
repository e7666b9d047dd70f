"""Pages for machines: whether the server lives, whether it is ready, and its metrics."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pgrok.server.decisions import Decisions, Event
from pgrok.server.web.security import HEALTHCHECK, METRICS, READY, Guard, Site

Scrape = Callable[[str], tuple[bytes, str]]
"""Gives all metrics and their content type, in the format that a field Accept prefers."""


@dataclass(frozen=True)
class Monitoring:
    """What machines may ask for.

    `problem` says why the server is not ready, if it is not. Metrics are for whoever knows the
    `token`, or, without one, for everybody who reaches a listener that is for them alone.
    """

    problem: Callable[[], Awaitable[str | None]]
    decisions: Decisions
    scrape: Scrape | None = None
    token: str | None = None

    def for_dashboard(self) -> list[Route]:
        """Return the routes beside the dashboard's: no metrics without a token."""
        return self._routes(with_metrics=self.token is not None)

    def application(self, host: str) -> Starlette:
        """Return the application of a listener of its own, at the name or address `host`."""
        guard = Middleware(Guard, site=Site.of(f"http://{host}"), decisions=self.decisions)
        return Starlette(routes=self._routes(with_metrics=True), middleware=[guard])

    def _routes(self, *, with_metrics: bool) -> list[Route]:
        routes = [
            Route(HEALTHCHECK, self._health, methods=["GET"]),
            Route(READY, self._ready, methods=["GET"]),
        ]
        if with_metrics and self.scrape is not None:
            routes.append(Route(METRICS, self._metrics, methods=["GET"]))
        return routes

    async def _health(self, request: Request) -> Response:
        """Say that the server is there."""
        return PlainTextResponse("OK")

    async def _ready(self, request: Request) -> Response:
        """Say whether the server can do what it is for."""
        problem = await self.problem()
        return PlainTextResponse(problem or "ready", 503 if problem else 200)

    async def _metrics(self, request: Request) -> Response:
        if not self._may_read(request.headers.get("authorization", "")):
            peer = request.client.host if request.client else ""
            self.decisions.refused(Event.METRICS, "token", peer=peer)
            text = "Send the token of the setting metrics.token as a bearer token.\n"
            return PlainTextResponse(text, 401, {"WWW-Authenticate": "Bearer"})
        assert self.scrape is not None
        body, content_type = self.scrape(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    def _may_read(self, authorization: str) -> bool:
        if self.token is None:
            return True
        expected = f"Bearer {self.token}"
        return hmac.compare_digest(authorization.encode(), expected.encode())
