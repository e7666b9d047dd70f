"""What the public sockets have in common."""

from __future__ import annotations

import asyncio
import socket

KEEPALIVE_SECONDS = 60
"""How long a visitor's socket may be silent before TCP asks whether its end is still there."""

KEEPALIVE_INTERVAL = 15
KEEPALIVE_COUNT = 4
"""Questions without an answer, that many seconds apart, after which it is gone."""


def notice_death(transport: asyncio.BaseTransport) -> None:
    """Have TCP look after a socket that may be silent for hours, such as an idle WebSocket's."""
    public: socket.socket | None = transport.get_extra_info("socket")
    if public is None:
        return
    public.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):  # macOS has another name for it, and a default
        public.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_SECONDS)
        public.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
        public.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)
