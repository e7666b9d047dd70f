"""Where the sockets of SSH connections are read into, from their first channel on.

asyncio makes an object of what it has read, however large, and copies it there. What a socket
gives here is opened where it lies: packets are over, or copied, before the next socket is read.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Protocol

from pgrok.transport.ssh.framing import sealed_octets
from pgrok.transport.window import MAX_PACKET

READ_AT_ONCE = 2 * sealed_octets(MAX_PACKET)
"""Octets that a socket is asked for: what comes in large packets is not cut by its reads."""


class Reader(Protocol):
    """A connection, as its socket sees it."""

    def received(self, data: memoryview) -> None:
        """Take what was read, and keep no part of it."""

    def pause_writing(self) -> None:
        """The socket takes no more."""

    def resume_writing(self) -> None:
        """The socket takes data again."""

    def eof_received(self) -> None:
        """The peer sends no more."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""


class Intake(asyncio.BufferedProtocol):
    """The protocol of one socket, which has its connection take what is read."""

    def __init__(self, connection: Reader) -> None:
        self._received = connection.received
        self._room = _shared.room
        # What else happens to a socket is the connection's own affair.
        self.pause_writing = connection.pause_writing  # type: ignore[method-assign]
        self.resume_writing = connection.resume_writing  # type: ignore[method-assign]
        self.eof_received = connection.eof_received  # type: ignore[method-assign]
        self.connection_lost = connection.connection_lost  # type: ignore[method-assign]

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Return the room that all share, each for one read."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Have the connection take what was read there."""
        self._received(self._room[:nbytes])


class _Shared(threading.local):
    """What the connections of one loop share, which runs in a thread of its own."""

    def __init__(self) -> None:
        self.room = memoryview(bytearray(READ_AT_ONCE))


_shared = _Shared()
