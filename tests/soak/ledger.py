"""The books: how every transfer ended, and whether it was allowed to end so."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable
from enum import StrEnum

import h11
from websockets.exceptions import ConnectionClosedError

from soak.troubles import Troubles

DEADLINE = 60.0
"""Seconds that a transfer may take; the longest that is asked for takes five by itself."""

NEAR = 10.0
"""Seconds before a failure from which on faults are told with it."""

MOST_FAILURES = 20
"""After so many it is known well enough that something is wrong."""


class Outcome(StrEnum):
    """How a transfer ended."""

    WHOLE = "whole"
    REFUSED = "refused"
    CUT = "cut"
    LEFT = "left"
    WRONG = "wrong"


class Refused(Exception):
    """The server answered in the stead of the application, and said so."""


class Left(Exception):
    """The visitor went away midway, as was meant."""


class Wrong(Exception):
    """What no fault excuses: other octets, too few without a word, a strange status."""


VISIBLE = (ConnectionError, h11.RemoteProtocolError, ConnectionClosedError)
"""What a visitor sees of a transfer that was cut."""


class Ledger:
    """Counts transfers; each is either whole, or there is a reason for it in `troubles`."""

    def __init__(self, troubles: Troubles) -> None:
        self.octets = 0
        """What transfers that were whole carried, both ways, without heads."""
        self.outcomes: Counter[tuple[str, Outcome]] = Counter()
        self.longest: Counter[str] = Counter()
        """Milliseconds that a transfer of a kind took at most."""
        self.failures: list[str] = []
        self._began = time.monotonic()
        self._troubles = troubles

    async def account(
        self, kind: str, tunnel: str, transfer: Awaitable[int], since: float
    ) -> Outcome:
        """Await a transfer, which returns its octets; what it uses stands `since` then."""
        began = time.monotonic()
        outcome, reason = await self._outcome(transfer)
        until = time.monotonic()
        self.longest[kind] = max(self.longest[kind], round((until - began) * 1000))
        excused = outcome is not Outcome.WRONG and self._troubles.excuse(tunnel, since, until)
        if reason and not excused:
            outcome = Outcome.WRONG
            self.fail(kind, reason, tunnel, since)
        self.outcomes[kind, outcome] += 1
        return outcome

    async def _outcome(self, transfer: Awaitable[int]) -> tuple[Outcome, str]:
        """Return how it ended, and what needs an excuse."""
        try:
            async with asyncio.timeout(DEADLINE):
                self.octets += await transfer
        except Left:
            return Outcome.LEFT, ""
        except Refused as refusal:
            return Outcome.REFUSED, f"refused: {refusal}"
        except VISIBLE as cut:
            return Outcome.CUT, f"cut: {cut!r}"
        except TimeoutError:
            return Outcome.WRONG, f"hung for {DEADLINE:g} s"
        except Wrong as wrong:
            return Outcome.WRONG, str(wrong)
        return Outcome.WHOLE, ""

    def fail(self, what: str, reason: str, tunnel: str = "", since: float | None = None) -> None:
        """Note, and say at once, what must not happen; `since` is when it began, if not now."""
        now = time.monotonic()
        since = now if since is None else since
        near = [
            f"{trouble.kind} at {self._times(trouble.began, trouble.ended)}"
            for trouble in self._troubles
            if trouble.covers(tunnel, since - NEAR, now)
        ]
        failure = (
            f"{what} {tunnel} at {self._times(since, now)}: {reason}\n"
            f"  faults near: {', '.join(near) or 'none'}"
        )
        self.failures.append(failure)
        print(f"WRONG: {failure}", file=sys.stderr, flush=True)

    def _times(self, began: float, ended: float) -> str:
        return f"{began - self._began:.2f}-{ended - self._began:.2f} s"

    @property
    def hopeless(self) -> bool:
        """Whether there is no point in going on."""
        return len(self.failures) >= MOST_FAILURES

    def count(self, outcome: Outcome) -> int:
        """Return how many transfers ended so."""
        return sum(number for (_, each), number in self.outcomes.items() if each is outcome)
