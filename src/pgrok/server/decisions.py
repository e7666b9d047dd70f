"""The log of security decisions: who was refused what, and why.

Each refusal is counted; of each event at most `LINES` are written in `SECONDS`, so that a flood
does not fill the disk, and how many were left out is written after that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import StrEnum

import structlog

LINES = 20
"""Lines of one event that are written in `SECONDS`."""

SECONDS = 60.0

CallLater = Callable[[float, Callable[[], None]], object]

log = structlog.get_logger(__name__)


class Event(StrEnum):
    """What is refused: these names stay as they are, for those who search logs for them."""

    TOKEN = "token refused"  # noqa: S105 no secret
    CLIENT = "client refused"
    TUNNEL = "tunnel refused"
    VISITOR = "visitor refused"
    REQUEST = "request refused"
    SIGN_IN = "sign-in refused"
    PAGE = "page refused"
    METRICS = "metrics refused"


class Decisions:
    """Counts refusals by event and reason, and logs them while they are few.

    A reason is one of few words, never made from what somebody sent. `call_later` calls back
    after some seconds.
    """

    def __init__(self, call_later: CallLater) -> None:
        self.refusals: Counter[tuple[Event, str]] = Counter()
        self._call_later = call_later
        self._lines: Counter[Event] = Counter()

    def count(self, event: Event, reason: str) -> None:
        """Count what is everyday business and no line in the log."""
        self.refusals[event, reason] += 1

    def refused(self, event: Event, reason: str, **fields: object) -> None:
        """Count a refusal and log it with `fields`, which hold no secret."""
        self.count(event, reason)
        if not self._lines:
            self._call_later(SECONDS, self._begin_anew)
        self._lines[event] += 1
        if self._lines[event] <= LINES:
            log.warning(event.value, reason=reason, **fields)

    def _begin_anew(self) -> None:
        lines, self._lines = self._lines, Counter()
        for event, number in lines.items():
            if number > LINES:
                log.warning("refusals not logged", of=event.value, number=number - LINES)
