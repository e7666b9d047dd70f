"""How often something that costs the server time may be asked for."""

from __future__ import annotations

from math import inf


class Allowance:
    """So many at once, and one more each second."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._left = float(at_once)
        self._at = inf

    def take(self, now: float) -> bool:
        """Whether one more is allowed at `now`, in seconds of a clock that does not go back."""
        self._fill(now)
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def book(self, now: float) -> float:
        """Take one more, in advance if there is none left; return the seconds until it is due."""
        self._fill(now)
        self._left -= 1
        return max(0.0, -self._left)

    def _fill(self, now: float) -> None:
        self._left = min(self._at_once, self._left + max(0.0, now - self._at))
        self._at = now
