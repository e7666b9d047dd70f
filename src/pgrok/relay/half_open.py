"""Whoever is not being read from may be gone, and nobody is told (RFC 9293 3.5.1)."""

from __future__ import annotations

import asyncio
import os
import socket

LOOK_SECONDS = 15.0
"""Between two looks; TCP's keepalive, which finds out what there is to see, takes longer."""


class HalfOpenWatch:
    """Looks whether the other end of a connection still lives, from the first pause to the end.

    Event loops do not watch a socket whose end of file has been read, or whose reading is
    paused. A reset that comes then, such as the answer to a keepalive, ends the socket and wakes
    nobody: a visitor who left would be waited for as long as the application has nothing to
    say, or reads nothing. Only the socket knows.
    """

    __slots__ = ("_tcp", "_timer", "_transport", "error")

    def __init__(self, transport: asyncio.Transport) -> None:
        """Abort the transport once its socket is broken; what is no socket tells of it itself."""
        self.error: OSError | None = None
        """What became of the connection, where that is why it was aborted."""
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
        if self._transport.is_closing():
            return
        code = tcp.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self.error = OSError(code, os.strerror(code))
            self._transport.abort()
        else:
            self._look_later()
