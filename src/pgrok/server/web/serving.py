"""ASGI applications on a socket of ours, in a loop of ours."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS: Final = 256
"""Connections to one listener; each costs a descriptor, and tunnels need those too."""

REQUEST_SECONDS: Final = 15.0
"""How long a connection may be without a whole request and a response under way."""


class _Connection(H11Protocol):
    """uvicorn's, which of itself would wait for a request for ever, and take any number."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Look after the connection from now on, or end it where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        self._look_after(None)

    def data_received(self, data: bytes) -> None:
        """Answer a client that took this for the port of SSH: a head would be waited for."""
        if data.startswith(b"SSH-2.0-"):
            self.send_400_response("This port is for HTTP, SSH has another.")
        else:
            super().data_received(data)

    def _look_after(self, last: object) -> None:
        """End the connection if nothing but the request `last` has come by the next look."""
        self.loop.call_later(REQUEST_SECONDS, self._look, last)

    def _look(self, last: object) -> None:
        if self not in self.connections:
            return  # it has ended, or is a WebSocket by now
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self.cycle is last:
            self.transport.abort()
        else:
            self._look_after(self.cycle)


class WebServer(uvicorn.Server):
    """uvicorn without its own idea of signals, sockets, proxies and logs.

    Only `external_url` is believed about who asks, and nothing that a path may hold is logged.
    Set `should_exit` to end `serve`.
    """

    def __init__(self, application: Starlette, listening: Sequence[socket.socket]) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=_Connection,
                log_config=None,
                log_level="warning",
                access_log=False,
                lifespan="off",
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=2,
            )
        )
        self._listening = listening

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until `should_exit`."""
        await super().serve(sockets or list(self._listening))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: uvicorn would raise them again after its own end."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at the address; raises `OSError` if it cannot be had."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen()  # until it does, the system lets others bind it too
    except OSError:
        listening.close()
        raise
    return listening
