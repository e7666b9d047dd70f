"""What is set for every socket that bulk may go out on."""

from __future__ import annotations

import socket

MAX_UNSENT = 128 * 1024
"""Octets that the system may hold of what has not left yet; what is on its way does not count."""


def keep_queue_short(tcp: socket.socket | None) -> None:
    """Have data wait with us and not in the system, where a socket has megabytes of room.

    There nothing can overtake it, and a reader who has stopped looks like one who is fast.
    What is accepted by a listening socket inherits it. None, for what is no socket, is left alone.
    """
    if tcp is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT)
