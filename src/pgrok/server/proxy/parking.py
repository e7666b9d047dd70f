"""Requests for a tunnel that has vanished wait for it to come back: a blip costs no request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pgrok.http.pages import Code, Problem
from pgrok.relay.deadlines import Deadline, Deadlines
from pgrok.relay.exchange import Exchange

MAX_PARKED = 1024
"""Requests that wait in all; beyond them visitors are told 503."""

MAX_PARKED_OF_NAME = 64
"""Of one name."""

Resume = Callable[[], None]
"""Routes a request that was parked, as if it had come just now."""


@dataclass(eq=False, slots=True)
class _Lot:
    """The requests for one name, in the order in which they came."""

    deadline: Deadline
    waiting: dict[Exchange, Resume] = field(default_factory=dict)


class Parking:
    """Holds requests, their bodies unread, for names whose tunnels were lost without a goodbye.

    `seconds` is how long they wait; 0 is not at all.
    """

    def __init__(self, deadlines: Deadlines, seconds: float) -> None:
        self._deadlines = deadlines
        self._seconds = seconds
        self._lots: dict[str, _Lot] = {}
        self._parked: dict[Exchange, _Lot] = {}

    def vanished(self, label: str) -> None:
        """Let requests for `label` wait from now on."""
        if self._seconds <= 0:
            return
        lot = self._lots.get(label)
        if lot is None:
            lot = self._lots[label] = _Lot(self._deadlines.new(lambda: self.arrived(label)))
        lot.deadline.move(self._seconds)

    def arrived(self, label: str) -> None:
        """Send the requests for `label` on: it is back, or will not come any more."""
        lot = self._lots.pop(label, None)
        if lot is None:
            return
        lot.deadline.end()
        for exchange, resume in lot.waiting.items():
            # The one before may have taken this one's visitor away.
            if self._parked.pop(exchange, None) is not None:
                resume()

    def close(self) -> None:
        """Let nobody wait any more, and refuse those who do: the server is about to stop."""
        self._seconds = 0.0
        for label in list(self._lots):
            self._lots.pop(label).deadline.end()
        for exchange in list(self._parked):
            self._parked.pop(exchange)
            exchange.refuse(Problem(Code.DRAINING, 503, retry_after=1))

    def expects(self, label: str) -> bool:
        """Whether requests for `label` are to be parked now."""
        return label in self._lots

    def park(self, label: str, exchange: Exchange, resume: Resume) -> None:
        """Let a request for a label that is expected wait, or refuse it if too many do."""
        lot = self._lots[label]
        if len(lot.waiting) >= MAX_PARKED_OF_NAME or len(self._parked) >= MAX_PARKED:
            exchange.refuse(Problem(Code.PARKING_FULL, 503, retry_after=1))
        else:
            lot.waiting[exchange] = resume
            self._parked[exchange] = lot

    def leave(self, exchange: Exchange) -> None:
        """Forget a request, wherever it is: it is over."""
        lot = self._parked.pop(exchange, None)
        if lot is not None:
            del lot.waiting[exchange]
