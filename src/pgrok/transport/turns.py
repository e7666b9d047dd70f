"""Work that would hold up the loop if all of it were done at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from pgrok.transport.link import Loop

AT_ONCE = 2
"""Turns in one step of the loop. One takes half a millisecond where keys are exchanged, and
everybody else's bytes wait for so many; with fewer, a busy server would sign in hardly anybody."""

Turn = Callable[[], None]


class Turns:
    """Gives turns in the order in which they were asked for, a few in each step of the loop."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._asked: dict[Turn, None] = {}

    def ask(self, turn: Turn) -> None:
        """Have `turn` called soon, once, however often that is asked for until then."""
        if not self._asked:
            self._loop.call_soon(self._step)
        self._asked[turn] = None

    def _step(self) -> None:
        turns = list(itertools.islice(self._asked, AT_ONCE))
        for turn in turns:
            del self._asked[turn]
            # One that fails costs nobody else theirs.
            self._loop.call_soon(turn)
        if self._asked:
            self._loop.call_soon(self._step)
