"""Who may try to authenticate: the bound on connections that have not done so yet."""

from __future__ import annotations

from collections import Counter


class Admission:
    """Counts half-open connections, in all and per address."""

    def __init__(self, *, in_all: int = 256, per_address: int = 32) -> None:
        self._in_all = in_all
        self._per_address = per_address
        self._half_open: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Let a new connection in, unless too many are under way; True if it is in."""
        if self._half_open.total() >= self._in_all:
            return False
        if self._half_open[address] >= self._per_address:
            return False
        self._half_open[address] += 1
        return True

    def leave(self, address: str) -> None:
        """A connection that was let in has authenticated or gone."""
        self._half_open[address] -= 1
        if self._half_open[address] <= 0:
            del self._half_open[address]
