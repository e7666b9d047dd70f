from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pgrok.server.ports import Avoided, choose

PORTS = st.integers(1, 60)
NOTHING = Avoided()
SEEDS = range(20)


@example(last=9, start=10, length=5, taken=set(), others=set(), kept=set(), seed=1)
@given(
    last=st.none() | PORTS,
    start=PORTS,
    length=st.integers(0, 20),
    taken=st.sets(PORTS),
    others=st.sets(PORTS),
    kept=st.sets(PORTS),
    seed=st.integers(),
)
def test_every_free_port_of_the_range_comes_once_and_in_order_of_who_may_miss_it(
    last: int | None,
    start: int,
    length: int,
    taken: set[int],
    others: set[int],
    kept: set[int],
    seed: int,
) -> None:
    ports, avoided = range(start, start + length), Avoided(others, kept)
    chosen = list(choose(last, ports, taken, avoided, random.Random(seed)))
    assert sorted(chosen) == sorted(set(ports) - taken)
    ranks = [3 if p in kept else 0 if p == last else 2 if p in others else 1 for p in chosen]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_port_that_somebody_elses_client_may_come_back_to_comes_after_all_others(
    seed: int,
) -> None:
    avoided = Avoided(lasts={2, 3}, kept={1, 2})
    chosen = list(choose(1, range(1, 6), (), avoided, random.Random(seed)))
    assert [set(chosen[:2]), chosen[2], set(chosen[3:])] == [{4, 5}, 3, {1, 2}]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_port_that_somebody_else_had_last_comes_after_those_that_nobody_had(seed: int) -> None:
    chosen = list(choose(2, range(1, 6), (), Avoided(lasts={1, 2, 3}), random.Random(seed)))
    assert [chosen[0], set(chosen[1:3]), set(chosen[3:])] == [2, {4, 5}, {1, 3}]


def test_the_end_is_not_in_the_range() -> None:
    assert list(choose(11, range(10, 11), (), NOTHING, random.Random(1))) == [10]


def test_the_order_is_random() -> None:
    first, second = [
        list(itertools.islice(choose(None, range(1, 60000), (), NOTHING, random.Random(seed)), 5))
        for seed in (1, 2)
    ]
    assert first != second
