"""Which public TCP port a tunnel gets."""

from __future__ import annotations

import random
from collections.abc import Container, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Avoided:
    """Free ports that other people may miss: their visitors would come to whoever gets one.

    `lasts` are those that they had last, `kept` those that a client has just lost and may come
    back to.
    """

    lasts: Container[int] = ()
    kept: Container[int] = ()


def choose(
    last: int | None, ports: range, taken: Container[int], avoided: Avoided, rng: random.Random
) -> Iterator[int]:
    """Yield the `ports` to try, except those in `taken`, each once.

    The one the person had `last` comes first, the others follow in random order: those that nobody
    may miss, then others' last ones. What is kept in mind for others comes after all of these, and
    not never: whose clients come and go could keep every port from everybody.
    """
    if last is not None and last in ports and last not in taken and last not in avoided.kept:
        yield last
    second_best: list[int] = []
    last_resort: list[int] = []
    for port in _shuffled(ports, rng):
        if port in taken:
            continue
        if port in avoided.kept:
            last_resort.append(port)
        elif port == last:
            continue
        elif port in avoided.lasts:
            second_best.append(port)
        else:
            yield port
    yield from second_best
    yield from last_resort


def _shuffled(ports: range, rng: random.Random) -> Iterator[int]:
    """Yield a random permutation, one step at a time: most callers take the first few only."""
    moved: dict[int, int] = {}
    for place in ports:
        drawn = rng.randrange(place, ports.stop)
        yield moved.get(drawn, drawn)
        moved[drawn] = moved.get(place, place)
