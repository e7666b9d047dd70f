"""Who reads nothing at all of what is written to them is given up after a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pgrok.relay.deadlines import Deadlines


class Stall:
    """Watches a transport that takes no more for now; slow readers are none that stopped.

    It is told when the transport gets full and when it has room again, not of each write. While
    it is full nobody writes, so its queue stays as long as it is if nothing leaves it.
    """

    __slots__ = ("_deadline", "_give_up", "_queued", "_seconds", "_transport")

    def __init__(
        self,
        deadlines: Deadlines,
        transport: asyncio.Transport,
        seconds: float,
        give_up: Callable[[], object],
    ) -> None:
        self._deadline = deadlines.new(self._look)
        self._transport = transport
        self._seconds = seconds
        self._give_up = give_up
        self._queued = 0

    def watch(self) -> None:
        """From now on call `give_up` if nothing leaves the queue for that many seconds."""
        self._queued = self._transport.get_write_buffer_size()
        self._deadline.move(self._seconds)

    def rest(self) -> None:
        """The transport takes writes again: look no more for now."""
        self._deadline.rest()

    def end(self) -> None:
        """Look never again."""
        self._deadline.end()

    def _look(self) -> None:
        if self._transport.get_write_buffer_size() == self._queued:
            self._give_up()
        else:
            self.watch()
