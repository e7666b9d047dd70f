from __future__ import annotations

import asyncio
import socket

from pgrok.server.proxy.sockets import (
    KEEPALIVE_COUNT,
    KEEPALIVE_INTERVAL,
    KEEPALIVE_SECONDS,
    listen,
)
from pgrok.sockets import MAX_UNSENT

LOOPBACK = "127.0.0.1"


class Visitor(asyncio.Protocol):
    """Shows the socket that was accepted."""

    def __init__(self, accepted: asyncio.Future[socket.socket]) -> None:
        self._accepted = accepted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._accepted.set_result(transport.get_extra_info("socket"))


async def test_tcp_looks_after_every_visitor() -> None:
    accepted: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
    server = await listen(lambda: Visitor(accepted), LOOPBACK, 0)
    _, writer = await asyncio.open_connection(LOOPBACK, server.sockets[0].getsockname()[1])
    visitor = await accepted
    assert visitor.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert [
        visitor.getsockopt(socket.IPPROTO_TCP, option)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    ] == [KEEPALIVE_SECONDS, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT]
    assert visitor.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == MAX_UNSENT
    writer.close()
    server.close()
