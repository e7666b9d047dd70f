from __future__ import annotations

import itertools
import random

from hypothesis import example, given
from hypothesis import strategies as st

from pgrok.server.ports import choose

PORTS = st.integers(1, 60)


@example(last=9, start=10, length=5, taken=set(), seed=1)
@given(
    last=st.none() | PORTS,
    start=PORTS,
    length=st.integers(0, 20),
    taken=st.sets(PORTS),
    seed=st.integers(),
)
def test_every_free_port_of_the_range_comes_once_and_the_last_one_first(
    last: int | None, start: int, length: int, taken: set[int], seed: int
) -> None:
    chosen = list(choose(last, start, start + length, taken, random.Random(seed)))
    free = set(range(start, start + length)) - taken
    assert sorted(chosen) == sorted(free)
    if last in free:
        assert chosen[0] == last


def test_the_end_is_not_in_the_range() -> None:
    assert list(choose(11, 10, 11, (), random.Random(1))) == [10]


def test_the_order_is_random() -> None:
    first, second = [
        list(itertools.islice(choose(None, 1, 60000, (), random.Random(seed)), 5))
        for seed in (1, 2)
    ]
    assert first != second
