"""Which public TCP port a tunnel gets."""

from __future__ import annotations

import random
from collections.abc import Container, Iterator


def choose(
    last: int | None, start: int, end: int, taken: Container[int], rng: random.Random
) -> Iterator[int]:
    """Yield the ports to try, from `start` up to and without `end`, except those in `taken`.

    The one the person had `last` comes first, the others follow in random order, each once.
    """
    had_last = last is not None and start <= last < end
    if last is not None and had_last and last not in taken:
        yield last
    for port in _shuffled(start, end, rng):
        if port != last and port not in taken:
            yield port


def _shuffled(start: int, end: int, rng: random.Random) -> Iterator[int]:
    """Yield a random permutation, one step at a time: most callers take the first few only."""
    moved: dict[int, int] = {}
    for place in range(start, end):
        drawn = rng.randrange(place, end)
        yield moved.get(drawn, drawn)
        moved[drawn] = moved.get(place, place)
