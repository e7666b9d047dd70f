"""What ours must do: the floor that holds at all times, and the aim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.catalogue import BULK, BY_KEY, COMMAND, HTTP, SERVER, SSH, TCP
from bench.results import Results


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on a measure of `tunnel`, or on its ratio to a `reference` in the same run."""

    title: str
    measure: str
    tunnel: str
    floor: float
    aim: float | None = None
    reference: str | None = None
    base: str | None = None
    more_is_better: bool = False

    def value(self, results: Results) -> float | None:
        """Return what was measured, None if it was not."""
        if self.base is not None:
            value, base = (results.median(key, self.tunnel) for key in (self.measure, self.base))
            return value / base if value and base else None
        if self.reference is not None:
            return results.ratio(self.measure, self.tunnel, self.reference)
        return results.median(self.measure, self.tunnel)

    @property
    def unit(self) -> str:
        """The unit of value, floor and aim; `x` for a ratio."""
        return "x" if self.reference or self.base else BY_KEY[self.measure].unit

    def shown(self, value: float) -> str:
        """Return a value, the floor or the aim as the tables show it."""
        return f"{value:.2f} x" if self.unit == "x" else f"{value:,.4g} {self.unit}"

    def met(self, value: float, bound: float) -> bool:
        """Whether `value` is as good as `bound`."""
        return value >= bound if self.more_is_better else value <= bound

    def score(self, value: float) -> float:
        """Return how good `value` is: 1.0 at the floor, more is better."""
        return value / self.floor if self.more_is_better else self.floor / max(value, 1e-9)


def faster(title: str, measure: str, tunnel: str, floor: float, aim: float) -> Target:
    """Return the target to reach `floor` times what OpenSSH does."""
    return Target(title, measure, tunnel, floor, aim, reference=SSH, more_is_better=True)


def cheaper(title: str, measure: str, tunnel: str, floor: float, aim: float) -> Target:
    """Return the target to need at most `floor` times what OpenSSH does."""
    return Target(title, measure, tunnel, floor, aim, reference=SSH)


def _bulk() -> Iterator[Target]:
    for tunnel in (HTTP, TCP):
        for way in BULK:
            yield faster(f"100 MB {way}, {tunnel}", way, tunnel, 1.0, 1.3)
    for tunnel in (HTTP, TCP):
        for way in BULK:
            title = f"100 MB {way} at 100 ms, {tunnel}"
            yield faster(title, f"far/{way}", tunnel, 1.0, 1.5)


def _cpu() -> Iterator[Target]:
    for load, at in ((1, "1 connection"), (64, "64 connections")):
        for end in ("server", "client"):
            title = f"CPU a request, {end}, {at}"
            yield cheaper(title, f"cpu-{end}/{load}", HTTP, 2.5, 2.0)


def _storm() -> Iterator[Target]:
    for title, database in (("SQLite", "sqlite"), ("PostgreSQL", "postgresql")):
        yield Target(f"connecting, CPU a client, {title}", f"storm-cpu/{database}", SERVER, 4, 3)
        yield Target(
            f"connecting, until all are up, {title}", f"storm-seconds/{database}", SERVER, 10
        )
        yield Target(f"connecting, others' p99, {title}", f"storm-p99/{database}", SERVER, 100)


def _beside_bulk() -> Iterator[Target]:
    for way in BULK:
        yield Target(f"small requests beside a bulk {way}, p99", f"beside/{way}", HTTP, 10)


TARGETS = (
    faster("http, 64 connections, req/s", "rate/64", HTTP, 1.0, 1.3),
    faster("http, 1 connection, req/s", "rate/1", HTTP, 0.9, 1.1),
    cheaper("http, 64 connections, p99", "p99/64", HTTP, 0.35, 0.2),
    faster("http, new connection a request", "rate/new", HTTP, 0.9, 1.1),
    faster("tcp, 64 connections, req/s", "rate/64", TCP, 1.3, 1.6),
    *_bulk(),
    *_beside_bulk(),
    *_cpu(),
    *_storm(),
    Target("memory, an idle client", "idle", SERVER, 35, 25),
    Target("memory, a stalled reader, server", "stalled-server", HTTP, 1024, 512),
    Target("memory, a stalled reader, client", "stalled-client", HTTP, 1024, 512),
    Target(
        *("5,000 tunnels beside it, req/s", "many", HTTP, 0.95, 1.0),
        base="alone",
        more_is_better=True,
    ),
    Target("pgrok --help", "help", COMMAND, 150, 80),
    Target("tunnel up", "up", COMMAND, 600, 400),
)


def verdict(target: Target, value: float) -> str:
    """Return whether the aim or at least the floor is met."""
    if target.aim is not None and target.met(value, target.aim):
        return "aim met"
    return "met" if target.met(value, target.floor) else "NOT MET"
