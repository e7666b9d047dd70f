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

    Made once for a connection, not for each request: moved later it keeps its place on the
    wheel, which looks where it has gone when the time of that place has come.
    """

    __slots__ = ("_callback", "_expires", "_placed", "_wheel")

    def __init__(self, wheel: Deadlines, callback: Callable[[], None]) -> None:
        self._wheel = wheel
        self._callback = callback
        self._expires = inf
        self._placed = inf

    def move(self, seconds: float) -> None:
        """Let it pass that long from now."""
        self.move_to(self._wheel.loop.time() + seconds)

    def move_to(self, moment: float) -> None:
        """Let it pass at a moment in the loop's time."""
        self._expires = moment
        if moment < self._placed:
            self._leave_place()
            self._take_place()

    def rest(self) -> None:
        """Let it not pass until it is moved again."""
        self._expires = inf

    def end(self) -> None:
        """Rest, and be kept by the wheel no longer: the callback's owner is gone."""
        self._expires = inf
        self._leave_place()

    def look(self, now: float) -> None:
        """Call what is due, or find a new place: the wheel's business."""
        self._placed = inf
        if self._expires <= now:
            self._expires = inf
            self._call()
        elif self._expires != inf:
            self._take_place()

    def _call(self) -> None:
        try:
            self._callback()
        except Exception as error:
            # Always a bug, which must not stop the deadlines of everybody else.
            self._wheel.loop.call_exception_handler(
                {"message": "a deadline's callback failed", "exception": error}
            )

    def _take_place(self) -> None:
        self._placed = self._expires
        self._wheel.place(self, self._placed)

    def _leave_place(self) -> None:
        if self._placed != inf:
            self._wheel.displace(self, self._placed)
            self._placed = inf


class Deadlines:
    """All deadlines of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        # The values are nothing: a set that keeps its order.
        self._slots: defaultdict[int, dict[Deadline, None]] = defaultdict(dict)
        self._timer: asyncio.TimerHandle | None = None
        self._turned_to = 0

    def new(self, callback: Callable[[], None]) -> Deadline:
        """Return a deadline that rests."""
        return Deadline(self, callback)

    def place(self, deadline: Deadline, moment: float) -> None:
        """Look at `deadline` once `moment`, in the loop's time, has passed."""
        self._slots[_slot_after(moment)][deadline] = None
        if self._timer is None:
            self._turned_to = _slot_after(self.loop.time())
            self._timer = self.loop.call_later(TICK, self._turn)

    def displace(self, deadline: Deadline, moment: float) -> None:
        """Do not look at `deadline` at `moment`."""
        slot = _slot_after(moment)
        placed = self._slots.get(slot)
        if placed is not None:
            placed.pop(deadline, None)
            if not placed:
                del self._slots[slot]

    def _turn(self) -> None:
        now = self.loop.time()
        turn_to = _slot_after(now)
        for slot in range(self._turned_to, turn_to):
            for deadline in self._slots.pop(slot, ()):
                deadline.look(now)
        self._turned_to = turn_to
        self._timer = self.loop.call_later(TICK, self._turn) if self._slots else None


def _slot_after(moment: float) -> int:
    return int(moment / TICK) + 1
