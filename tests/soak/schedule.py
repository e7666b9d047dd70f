"""When which fault happens to which tunnel: all of it follows from the seed, before it begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from soak.faults import Fault, possible
from soak.tunnels import Tunnel

GAPS = 0.5, 4.0
"""Seconds from one fault of a tunnel to its next; the latter is left out if it comes too soon."""

RESTARTS_EVERY = 120.0
"""Seconds of a soak for each restart of its server."""


@dataclass(frozen=True)
class Strike:
    """A fault, so many seconds after the start; what it draws follows from its own seed."""

    at: float
    fault: Fault
    seed: int

    def __str__(self) -> str:
        return f"{self.at:.1f} {self.fault.name}"


@dataclass(frozen=True)
class Schedule:
    """All faults of a soak, and the moments at which its server is restarted."""

    strikes: Mapping[Tunnel, Sequence[Strike]]
    restarts: Sequence[float]

    def __str__(self) -> str:
        moments = ", ".join(f"{at:.1f}" for at in self.restarts)
        lines = [f"  restart: {moments}"]
        for tunnel, strikes in self.strikes.items():
            lines.append(f"  {tunnel.name}: {', '.join(map(str, strikes))}")
        return "\n".join(["faults, and the seconds at which they are due", *lines])


def schedule(seed: int, seconds: float, tunnels: Sequence[Tunnel]) -> Schedule:
    """Draw the faults of so many seconds; the restarts are in the first half."""
    chance = Random(f"{seed} restarts")
    number = max(1, round(seconds / RESTARTS_EVERY))
    restarts = sorted(chance.uniform(0.1, 0.5) * seconds for _ in range(number))
    strikes = {tunnel: list(_strikes(seed, seconds, tunnel)) for tunnel in tunnels}
    return Schedule(strikes, restarts)


def _strikes(seed: int, seconds: float, tunnel: Tunnel) -> Iterator[Strike]:
    chance = Random(f"{seed} faults of {tunnel.name}")
    at = chance.uniform(*GAPS)
    while at < seconds:
        yield Strike(at, chance.choice(possible(tunnel)), chance.getrandbits(32))
        at += chance.uniform(*GAPS)
