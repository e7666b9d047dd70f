from __future__ import annotations

import gc
import weakref

import pytest

from pgrok.relay.deadlines import TICK, Deadline, Deadlines
from support.manual_loop import manual_loop


class Clocked:
    """Deadlines by name, and the names of those that have passed."""

    def __init__(self) -> None:
        self.loop = manual_loop()
        self.wheel = Deadlines(self.loop)
        self.passed: list[str] = []

    def deadline(self, name: str = "it") -> Deadline:
        return self.wheel.new(lambda: self.passed.append(name))


@pytest.fixture
def clocked() -> Clocked:
    return Clocked()


@pytest.mark.parametrize("offset", [0.0, 0.1, TICK / 2, TICK - 0.001])
@pytest.mark.parametrize("seconds", [0.0, 0.3, TICK, 1.0, 7.3])
def test_a_deadline_passes_never_early_and_at_most_two_ticks_late(
    clocked: Clocked, offset: float, seconds: float
) -> None:
    clocked.loop.advance(offset)
    clocked.deadline().move(seconds)
    clocked.loop.advance(max(0.0, seconds - 0.001))
    assert not clocked.passed or seconds == 0
    clocked.loop.advance(2 * TICK + 0.001)
    assert clocked.passed == ["it"]


def test_it_passes_once(clocked: Clocked) -> None:
    clocked.deadline().move(1)
    clocked.loop.advance(100)
    assert clocked.passed == ["it"]


def test_it_can_be_moved_again_after_it_passed(clocked: Clocked) -> None:
    deadline = clocked.deadline()
    for count in (1, 2):
        deadline.move(1)
        clocked.loop.advance(2)
        assert clocked.passed == ["it"] * count


def test_it_can_be_moved_later(clocked: Clocked) -> None:
    deadline = clocked.deadline()
    for _ in range(10):
        deadline.move(5)
        clocked.loop.advance(4)
    assert not clocked.passed
    clocked.loop.advance(2)
    assert clocked.passed == ["it"]


def test_it_can_be_moved_earlier(clocked: Clocked) -> None:
    deadline = clocked.deadline()
    deadline.move(100)
    deadline.move(1)
    clocked.loop.advance(2)
    assert clocked.passed == ["it"]
    clocked.loop.advance(200)
    assert clocked.passed == ["it"]


def test_it_can_rest(clocked: Clocked) -> None:
    deadline = clocked.deadline()
    deadline.move(1)
    deadline.rest()
    clocked.loop.advance(10)
    assert not clocked.passed
    deadline.move(1)
    clocked.loop.advance(2)
    assert clocked.passed == ["it"]


def test_those_that_are_due_pass_in_order(clocked: Clocked) -> None:
    for name, seconds in (("late", 3.0), ("early", 1.0), ("later", 3.1)):
        clocked.deadline(name).move(seconds)
    clocked.loop.advance(10)
    assert clocked.passed == ["early", "late", "later"]


def test_a_wheel_without_deadlines_stands_still(clocked: Clocked) -> None:
    deadline = clocked.deadline()
    deadline.move(10)
    clocked.loop.advance(1)
    deadline.end()
    clocked.loop.advance(2 * TICK)
    assert not clocked.loop.has_timers
    deadline.move(1)
    clocked.loop.advance(2)
    assert clocked.passed == ["it"]


class Connection:
    def __init__(self, wheel: Deadlines) -> None:
        self.deadline = wheel.new(self.time_is_up)

    def time_is_up(self) -> None:
        raise AssertionError


def test_the_owner_of_a_deadline_that_has_ended_is_kept_by_nobody(clocked: Clocked) -> None:
    """A head may take half a minute, and thousands of connections may come and go in it."""
    connection = Connection(clocked.wheel)
    kept = weakref.ref(connection)
    connection.deadline.move(30)
    connection.deadline.end()
    del connection
    gc.collect()
    assert kept() is None


def test_requests_by_the_thousand_take_one_place(
    clocked: Clocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    look = Deadline.look

    def counted(deadline: Deadline, now: float) -> None:
        looks.append(now)
        look(deadline, now)

    monkeypatch.setattr(Deadline, "look", counted)
    deadline = clocked.deadline()
    for _ in range(1000):
        deadline.move(30)  # a head
        deadline.move(120)  # a response
        deadline.rest()
        deadline.move(75)  # idle
        clocked.loop.advance(2)
    assert not clocked.passed
    assert len(looks) < 2000 / 25


def test_a_deadline_may_move_and_end_others(clocked: Clocked) -> None:
    other, third = clocked.deadline("other"), clocked.deadline("third")

    def act() -> None:
        other.end()
        third.move(5)

    clocked.wheel.new(act).move(1)
    other.move(1)
    third.move(1)
    clocked.loop.advance(4)
    assert not clocked.passed
    clocked.loop.advance(4)
    assert clocked.passed == ["third"]


def test_one_that_fails_does_not_stop_the_wheel(clocked: Clocked) -> None:
    def fail() -> None:
        raise ValueError("a bug")

    clocked.wheel.new(fail).move(1)
    clocked.deadline("same tick").move(1)
    clocked.deadline("later").move(5)
    clocked.loop.advance(10)
    assert clocked.passed == ["same tick", "later"]
    assert [str(failure["exception"]) for failure in clocked.loop.failures] == ["a bug"]
