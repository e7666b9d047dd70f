"""What the public sockets have in common."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from pgrok.address import Address
from pgrok.sockets import keep_queue_short

BACKLOG = 1024
"""Connections that the system holds for us until we take them."""

KEEPALIVE_SECONDS = 60
"""How long a visitor's socket may be silent before TCP asks whether its end is still there."""

KEEPALIVE_INTERVAL = 15
KEEPALIVE_COUNT = 4
"""Questions without an answer, that many seconds apart, after which it is gone."""


Accept = Callable[[], asyncio.Protocol]


async def listen_at(
    address: Address, accept: Accept, inherited: Sequence[socket.socket] = ()
) -> list[asyncio.Server]:
    """Listen at an address, or on the sockets that are `inherited` and listen already.

    Raises `OSError` if another program has the port.
    """
    if not inherited:
        return [await listen(accept, address.host, address.port)]
    loop = asyncio.get_running_loop()
    return [
        _watched(await loop.create_server(accept, sock=one, backlog=BACKLOG)) for one in inherited
    ]


async def listen(accept: Accept, host: str, port: int) -> asyncio.Server:
    """Listen for visitors; raises `OSError` if another program has the port."""
    loop = asyncio.get_running_loop()
    return _watched(await loop.create_server(accept, host, port, backlog=BACKLOG))


def _watched(server: asyncio.Server) -> asyncio.Server:
    for listening in server.sockets:
        _notice_death(listening)
        keep_queue_short(listening)
    return server


def _notice_death(listening: socket.socket) -> None:
    """Have TCP look after sockets that may be silent for hours, such as an idle WebSocket's.

    The sockets that are accepted inherit it, which saves four calls for each of them.
    """
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):  # macOS has another name for it, and a default
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_SECONDS)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)
