"""Requests for a tunnel that has vanished wait for it to come back: a blip costs no request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pgrok.http.pages import Code, Problem
from pgrok.relay.deadlines import Deadline, Deadlines
from pgrok.relay.exchange import Exchange
from pgrok.server.settings import LimitSettings

Resume = Callable[[], None]
"""Routes a request that was parked, as if it had come just now."""


@dataclass(eq=False, slots=True)
class _Lot:
    """The requests for one name, in the order in which they came."""

    deadline: Deadline
    waiting: dict[Exchange, Resume] = field(default_factory=dict)


class Parking:
    """Holds requests, their bodies unread, for names whose tunnels were lost without a goodbye.

    `seconds` is how long they wait; 0 is not at all. Beyond `limits.parked` of them in all, or
    `parked_per_tunnel` of one name, visitors are told 503.
    """

    def __init__(self, deadlines: Deadlines, seconds: float, limits: LimitSettings) -> None:
        self._deadlines = deadlines
        self._seconds = seconds
        self._in_all = limits.parked
        self._per_name = limits.parked_per_tunnel
        self.expected: dict[str, _Lot] = {}
        """By the name that requests are to wait for now."""
        self._parked: dict[Exchange, _Lot] = {}

    def vanished(self, label: str) -> None:
        """Let requests for `label` wait from now on."""
        if self._seconds <= 0:
            return
        lot = self.expected.get(label)
        if lot is None:
            lot = self.expected[label] = _Lot(self._deadlines.new(lambda: self.arrived(label)))
        lot.deadline.move(self._seconds)

    def arrived(self, label: str) -> None:
        """Send the requests for `label` on: it is back, or will not come any more."""
        lot = self.expected.pop(label, None)
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
        for label in list(self.expected):
            self.expected.pop(label).deadline.end()
        for exchange in list(self._parked):
            self._parked.pop(exchange)
            exchange.refuse(Problem(Code.DRAINING, 503, retry_after=1))

    def park(self, label: str, exchange: Exchange, resume: Resume) -> None:
        """Let a request for a label that is expected wait, or refuse it if too many do."""
        lot = self.expected[label]
        if len(lot.waiting) >= self._per_name or len(self._parked) >= self._in_all:
            exchange.refuse(Problem(Code.PARKING_FULL, 503, retry_after=1))
        else:
            lot.waiting[exchange] = resume
            self._parked[exchange] = lot

    def leave(self, exchange: Exchange) -> None:
        """Forget a request, wherever it is: it is over."""
        lot = self._parked.pop(exchange, None)
        if lot is not None:
            del lot.waiting[exchange]
