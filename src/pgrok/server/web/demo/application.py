"""Pages of the demo: what a request looked like on arrival, and events as they happen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from itertools import count

import jinja2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

SECONDS_BETWEEN_EVENTS = 1.0
MAX_ECHOED = 64 * 1024
"""Octets of an upload that the demo counts before it says that it is enough."""

Clock = Callable[[], datetime]

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def build(clock: Clock) -> Starlette:
    """Return the demo as an ASGI application."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pgrok.server.web.demo"), autoescape=True
    )
    page = environment.get_template("demo.html")
    visits = count(1)

    async def home(request: Request) -> Response:
        return HTMLResponse(
            page.render(visit=next(visits), request=request, now=clock()), headers=_POLICY
        )

    async def events(_request: Request) -> Response:
        return StreamingResponse(_ticks(clock), media_type="text/event-stream", headers=_FRESH)

    static = StaticFiles(packages=[("pgrok.server.web.demo", "static"), ("pgrok.http", "static")])
    return Starlette(
        routes=[
            Route("/", home),
            Route("/events", events),
            Route("/echo", echo, methods=METHODS),
            Mount("/static", static),
        ]
    )


async def echo(request: Request) -> Response:
    """Tell as JSON what arrived."""
    received = 0
    async for piece in request.stream():
        received += len(piece)
        if received > MAX_ECHOED:
            return JSONResponse({"error": f"more than {MAX_ECHOED} bytes"}, status_code=413)
    return JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "headers": dict(request.headers),
            "body_bytes": received,
        },
        headers=_FRESH,
    )


_FRESH = {"Cache-Control": "no-store"}
_POLICY = _FRESH | {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


async def _ticks(clock: Clock) -> AsyncIterator[str]:
    for number in count(1):
        now: datetime = clock()
        yield f"data: {json.dumps({'number': number, 'at': now.isoformat()})}\n\n"
        await asyncio.sleep(SECONDS_BETWEEN_EVENTS)
