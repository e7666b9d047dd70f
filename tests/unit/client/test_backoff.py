"""How long a client waits."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from pgrok.client.backoff import GOING_AWAY_BOUND, LONGEST_BOUND, STABLE, Backoff


class Highest(random.Random):
    """Draws the upper bound."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_the_bound_doubles_up_to_the_longest() -> None:
    backoff = Backoff(Highest())
    assert [backoff.after_failure() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_a_stable_connection_begins_anew() -> None:
    backoff = Backoff(Highest())
    for _ in range(5):
        backoff.after_failure()
    assert backoff.after_loss(STABLE) == 1
    assert backoff.after_failure() == 2


def test_a_short_connection_does_not() -> None:
    backoff = Backoff(Highest())
    assert [backoff.after_loss(STABLE - 1) for _ in range(3)] == [1, 2, 4]


def test_a_goodbye_is_followed_soon() -> None:
    backoff = Backoff(Highest())
    for _ in range(5):
        backoff.after_failure()
    assert backoff.after_goodbye() == GOING_AWAY_BOUND
    assert backoff.after_failure() == 1


@given(st.integers(), st.integers(0, 5000))
def test_pauses_are_drawn_from_nothing_to_the_bound(seed: int, failures: int) -> None:
    backoff = Backoff(random.Random(seed))
    for _ in range(failures % 40):
        assert 0 <= backoff.after_failure() <= LONGEST_BOUND
    assert 0 <= backoff.after_goodbye() <= GOING_AWAY_BOUND


def test_clients_do_not_come_back_in_one_wave() -> None:
    pauses = [Backoff(random.Random(seed)).after_failure() for seed in range(100)]
    assert min(pauses) < 0.1
    assert max(pauses) > 0.9
