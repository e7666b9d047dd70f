"""What is set for every socket that bulk may go out on, and how one ends that is cut."""

from __future__ import annotations

import asyncio
import socket
import struct

MAX_UNSENT = 128 * 1024
"""Octets that the system may hold of what has not left yet; what is on its way does not count."""

_NO_LINGERING = struct.pack("ii", 1, 0)
"""A `struct linger` that has a socket closed by a reset (RFC 9293 3.10.4)."""


def keep_queue_short(tcp: socket.socket | None) -> None:
    """Have data wait with us and not in the system, where a socket has megabytes of room.

    There nothing can overtake it, and a reader who has stopped looks like one who is fast.
    What is accepted by a listening socket inherits it. None, for what is no socket, is left alone.
    """
    if tcp is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT)


def reset(transport: asyncio.Transport) -> None:
    """Close at once, and let the other end see that something is missing.

    `abort` alone closes a socket as an ordinary end does, which is all that tells the end of a
    tcp stream, or of a response without a length. On what is no socket it is just that.
    """
    tcp = transport.get_extra_info("socket")
    if tcp is not None and not transport.is_closing():
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
    transport.abort()
