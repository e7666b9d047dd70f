"""The books: how every transfer ended, and whether it was allowed to end so."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable

from soak.ends import VISIBLE, Failure, Left, Outcome, Refused, Sort, Unanswered, Wrong
from soak.troubles import Troubles

DEADLINE = 60.0
"""Seconds that a transfer may take; the longest that is asked for takes five by itself."""

NEAR = 10.0
"""Seconds before a failure from which on faults are told with it."""

MOST_FAILURES = 20
"""After so many it is known well enough that something is wrong."""


class Ledger:
    """Counts transfers; each is either whole, or there is a reason for it in `troubles`."""

    def __init__(self, troubles: Troubles) -> None:
        self.octets = 0
        """What transfers that were whole carried, both ways, without heads."""
        self.outcomes: Counter[tuple[str, Outcome]] = Counter()
        self.excused: Counter[tuple[str, str]] = Counter()
        """How transfers failed, and the kind of trouble that excuses it."""
        self.longest: Counter[str] = Counter()
        """Milliseconds that a transfer of a kind took at most."""
        self.failures: list[str] = []
        self.began = time.monotonic()
        """When the storm did: failures are told in its seconds, as its faults are."""
        self._troubles = troubles

    async def account(
        self, kind: str, sort: Sort, tunnel: str, transfer: Awaitable[int], stood: float
    ) -> Outcome:
        """Await a transfer, which returns its octets; what it uses stood then."""
        began = time.monotonic()
        outcome, error = await self._outcome(transfer)
        until = time.monotonic()
        self.longest[kind] = max(self.longest[kind], round((until - began) * 1000))
        if isinstance(error, Wrong):
            self.fail(kind, str(error), tunnel, began)
        elif error is not None:
            failure = _failure(sort, tunnel, stood, began, until, error)
            if not self._is_excused(failure):
                self.fail(kind, f"{failure}: {error!r}", tunnel, failure.since)
                outcome = Outcome.WRONG
        self.outcomes[kind, outcome] += 1
        return outcome

    async def _outcome(self, transfer: Awaitable[int]) -> tuple[Outcome, Exception | None]:
        """Return how it ended, and what needs an excuse."""
        try:
            async with asyncio.timeout(DEADLINE):
                self.octets += await transfer
        except Left:
            return Outcome.LEFT, None
        except Refused as refusal:
            return Outcome.REFUSED, refusal
        except VISIBLE as cut:
            return Outcome.CUT, cut
        except TimeoutError:
            return Outcome.WRONG, Wrong(f"hung for {DEADLINE:g} s")
        except Wrong as wrong:
            return Outcome.WRONG, wrong
        return Outcome.WHOLE, None

    def _is_excused(self, failure: Failure) -> bool:
        trouble = self._troubles.excuse(failure)
        if trouble is not None:
            self.excused[str(failure), trouble.kind] += 1
        return trouble is not None

    def fail(self, what: str, reason: str, tunnel: str = "", since: float | None = None) -> None:
        """Note, and say at once, what must not happen; `since` is when it began, if not now."""
        now = time.monotonic()
        since = now if since is None else since
        near = [
            f"{trouble.kind} at {self._times(trouble.began, trouble.ended)}"
            for trouble in self._troubles.of(tunnel, since - NEAR, now)
        ]
        failure = (
            f"{what} {tunnel} at {self._times(since, now)}: {reason}\n"
            f"  faults near: {', '.join(near) or 'none'}"
        )
        self.failures.append(failure)
        print(f"WRONG: {failure}", file=sys.stderr, flush=True)

    def _times(self, began: float, ended: float) -> str:
        return f"{began - self.began:.2f}-{ended - self.began:.2f} s"

    @property
    def hopeless(self) -> bool:
        """Whether there is no point in going on."""
        return len(self.failures) >= MOST_FAILURES

    def count(self, outcome: Outcome) -> int:
        """Return how many transfers ended so."""
        return sum(number for (_, each), number in self.outcomes.items() if each is outcome)


def _failure(
    sort: Sort, tunnel: str, stood: float, began: float, ended: float, error: Exception
) -> Failure:
    refusal = error.code if isinstance(error, Refused) else None
    answered = refusal is None and not isinstance(error, Unanswered)
    return Failure(sort, tunnel, stood, began, ended, refusal, answered)
