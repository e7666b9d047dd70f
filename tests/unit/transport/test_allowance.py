from __future__ import annotations

from pgrok.transport.allowance import Allowance


def test_so_many_at_once() -> None:
    allowance = Allowance(3)
    assert [allowance.take(5.0) for _ in range(5)] == [True, True, True, False, False]


def test_and_one_more_each_second() -> None:
    allowance = Allowance(3)
    assert all(allowance.take(5.0) for _ in range(3))
    assert [allowance.take(moment) for moment in (5.5, 6.0, 6.5, 7.0, 7.9)] == [
        *(False, True, False, True, False)
    ]


def test_a_long_rest_brings_no_more_than_at_first() -> None:
    allowance = Allowance(2)
    assert allowance.take(0.0)
    assert [allowance.take(1000.0) for _ in range(3)] == [True, True, False]


def test_a_first_moment_far_from_zero_is_like_any() -> None:
    assert [Allowance(1).take(1e9), Allowance(1).take(0.0)] == [True, True]


def test_who_books_is_told_when_it_is_due() -> None:
    allowance = Allowance(2)
    assert [allowance.book(5.0) for _ in range(2)] == [0.0, 0.0]
    assert allowance.book(5.25) == 0.75
    assert not allowance.take(6.75)
    assert allowance.book(6.75) == 0.25
    assert allowance.book(7.0) == 1.0
    assert [allowance.book(100.0) for _ in range(3)] == [0.0, 0.0, 1.0]
