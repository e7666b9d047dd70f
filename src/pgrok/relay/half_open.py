"""Who has ended one direction of a connection may be gone altogether, and nobody is told."""

from __future__ import annotations

import asyncio
import socket

LOOK_SECONDS = 15.0
"""Between two looks; TCP's keepalive, which finds out what there is to see, takes longer."""


class HalfOpenWatch:
    """Looks whether the other end of a connection that it has ended its direction of still lives.

    Event loops stop watching a socket whose end of file has been read. A reset that comes after
    that, such as the answer to a keepalive, ends the socket and wakes nobody: a visitor who left
    would be waited for as long as the application has nothing to say. Only the socket knows.
    """

    __slots__ = ("_tcp", "_timer", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        """Abort the transport once its socket is broken; what is no socket tells of it itself."""
        self._transport = transport
        self._tcp: socket.socket | None = transport.get_extra_info("socket")
        self._timer: asyncio.TimerHandle | None = None
        self._look_later()

    def end(self) -> None:
        """Look never again: the connection is gone, or somebody else's."""
        if self._timer is not None:
            self._timer.cancel()

    def _look_later(self) -> None:
        if self._tcp is not None and not self._transport.is_closing():
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(LOOK_SECONDS, self._look, self._tcp)

    def _look(self, tcp: socket.socket) -> None:
        if not self._transport.is_closing() and tcp.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._transport.abort()
        self._look_later()
