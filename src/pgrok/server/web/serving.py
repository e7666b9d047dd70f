"""ASGI applications on a socket of ours, in a loop of ours."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import cast

import uvicorn
from starlette.applications import Starlette

from pgrok.address import Network
from pgrok.server.settings import LimitSettings, TimeoutSettings
from pgrok.server.web.connections import Connection


class WebServer(uvicorn.Server):
    """uvicorn without its own idea of signals, sockets, proxies and logs.

    Only `external_url` is believed about who asks, and nothing that a path may hold is logged.
    Set `should_exit` to end `serve`.
    """

    def __init__(
        self,
        application: Starlette,
        listening: Sequence[socket.socket],
        *,
        limits: LimitSettings,
        timeouts: TimeoutSettings,
        trusted: Sequence[Network] = (),
    ) -> None:
        """`trusted` are the networks of reverse proxies, who bring many people."""
        connection = partial(Connection, limits=limits, timeouts=timeouts, trusted=trusted)
        super().__init__(
            uvicorn.Config(
                application,
                http=cast("type[asyncio.Protocol]", connection),
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
