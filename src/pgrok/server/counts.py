"""What the rooms count while they work: plain numbers, which cost next to nothing to raise.

Whoever wants to see them reads them here; nothing is computed before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds from a request's head to its response's last octet; long polls take minutes."""

LAGS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds that the loop was late: a millisecond is nothing, a tenth of a second is felt."""


class Histogram:
    """How often something took how long: `counts[n]` is up to `bounds[n]`, the last beyond all."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one that took so many seconds."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds


@dataclass(slots=True)
class Counts:
    """Everything that is counted since the start of the daemon."""

    requests: list[int] = field(default_factory=lambda: [0] * 1000)
    """By their status; without a response under 0."""
    latencies: Histogram = field(default_factory=lambda: Histogram(LATENCIES))
    visitors: Counter[str] = field(default_factory=Counter)
    """Visitors' connections: `http`, `websocket`, which were http before, and `tcp`."""
    handshakes: Counter[str] = field(default_factory=Counter)
    """SSH connections that are through with authentication: `done`, or why they failed."""
    octets_to_clients: int = 0
    octets_to_visitors: int = 0
    """Of connections that are gone; those that stand count for themselves."""
    lag: Histogram = field(default_factory=lambda: Histogram(LAGS))


@dataclass(frozen=True, slots=True)
class Present:
    """What is there at the moment, and what those who are there have carried so far.

    `visitors` are connections by kind, as in `Counts.visitors`.
    """

    tunnels: Mapping[str, int]
    clients: int
    clients_connecting: int
    visitors: Mapping[str, int]
    octets_to_clients: int
    octets_to_visitors: int
    tasks: int
