"""How long a client waits before it connects again. Pure: chance comes from the caller.

Pauses are drawn from nothing up to a bound that doubles ("full jitter"), so that a thousand
clients of a server that restarted do not come back in one wave.
"""

from __future__ import annotations

import random

FIRST_BOUND = 1.0
"""Seconds that the first pause lasts at most."""

LONGEST_BOUND = 30.0
"""Seconds that any pause lasts at most."""

GOING_AWAY_BOUND = 2.0
"""Seconds that the pause lasts at most after a server said that it is going away: the next one
parks requests for the names that were live, and not for long."""

STABLE = 60.0
"""Seconds after which a connection counts as stable: the next pause is a first one again."""

_MOST_DOUBLINGS = 16


class Backoff:
    """Draws one pause after another."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._doublings = 0

    def after_failure(self) -> float:
        """Return the seconds to wait after an attempt that led to no tunnel."""
        bound = min(FIRST_BOUND * 2**self._doublings, LONGEST_BOUND)
        self._doublings = min(self._doublings + 1, _MOST_DOUBLINGS)
        return self._rng.uniform(0, bound)

    def after_loss(self, lived: float) -> float:
        """Return the seconds to wait after a tunnel that lived for `lived` seconds was lost."""
        if lived >= STABLE:
            self._doublings = 0
        return self.after_failure()

    def after_goodbye(self) -> float:
        """Return the seconds to wait after a server said that it is going away."""
        self._doublings = 0
        return self._rng.uniform(0, GOING_AWAY_BOUND)
