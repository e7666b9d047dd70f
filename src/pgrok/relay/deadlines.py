"""Deadlines on one coarse wheel: moving one costs no timer, so that every request may."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from math import inf

TICK = 0.5
"""Seconds between two looks; a deadline passes up to twice that late, and never early."""


class Deadline:
    """A moment at which something is called; it can be moved as often as one likes.

    Made once for a connection, not for each request: the wheel keeps an entry until its time
    has come and then looks where the deadline has gone meanwhile.
    """

    __slots__ = ("_callback", "_expires", "_placed", "_wheel")

    def __init__(self, wheel: Deadlines, callback: Callable[[], None]) -> None:
        self._wheel = wheel
        self._callback = callback
        self._expires = inf
        self._placed = inf

    def move(self, seconds: float) -> None:
        """Let it pass that long from now."""
        self._expires = self._wheel.loop.time() + seconds
        if self._expires < self._placed:
            self._placed = self._expires
            self._wheel.place(self, self._expires)

    def rest(self) -> None:
        """Let it not pass until it is moved again."""
        self._expires = inf

    def look(self, now: float) -> None:
        """Call what is due, or find a new place: the wheel's business."""
        self._placed = inf
        if self._expires <= now:
            self._expires = inf
            self._callback()
        elif self._expires != inf:
            self._placed = self._expires
            self._wheel.place(self, self._expires)


class Deadlines:
    """All deadlines of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._slots: defaultdict[int, list[Deadline]] = defaultdict(list)
        self._timer: asyncio.TimerHandle | None = None
        self._turned_to = 0

    def new(self, callback: Callable[[], None]) -> Deadline:
        """Return a deadline that rests."""
        return Deadline(self, callback)

    def place(self, deadline: Deadline, moment: float) -> None:
        """Look at `deadline` once `moment`, in the loop's time, has passed."""
        self._slots[_slot(moment) + 1].append(deadline)
        if self._timer is None:
            self._turned_to = _slot(self.loop.time())
            self._timer = self.loop.call_later(TICK, self._turn)

    def _turn(self) -> None:
        now = self.loop.time()
        slot = _slot(now)
        for passed in range(self._turned_to, slot + 1):
            for deadline in self._slots.pop(passed, ()):
                deadline.look(now)
        self._turned_to = slot + 1
        self._timer = self.loop.call_later(TICK, self._turn) if self._slots else None


def _slot(moment: float) -> int:
    return int(moment / TICK)
