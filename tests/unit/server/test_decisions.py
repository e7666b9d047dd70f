from __future__ import annotations

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from pgrok.server.decisions import LINES, SECONDS, Decisions, Event


class Timer:
    """Keeps what is to be called, and calls it when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, Callable[[], None]]] = []

    def __call__(self, seconds: float, callback: Callable[[], None]) -> None:
        self.waiting.append((seconds, callback))

    def ring(self) -> None:
        ((seconds, callback),) = self.waiting
        assert seconds == SECONDS
        self.waiting.clear()
        callback()


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def decisions(timer: Timer) -> Decisions:
    return Decisions(timer)


def test_a_refusal_is_counted_and_logged(decisions: Decisions) -> None:
    with capture_logs() as lines:
        decisions.refused(Event.TOKEN, "unknown", peer="192.0.2.1:7")
    assert decisions.refusals == {(Event.TOKEN, "unknown"): 1}
    assert lines == [
        {
            "event": "token refused",
            "reason": "unknown",
            "peer": "192.0.2.1:7",
            "log_level": "warning",
        }
    ]


def test_what_is_everyday_business_is_counted_only(decisions: Decisions, timer: Timer) -> None:
    with capture_logs() as lines:
        decisions.count(Event.REQUEST, "no-tunnel")
    assert decisions.refusals == {(Event.REQUEST, "no-tunnel"): 1}
    assert (lines, timer.waiting) == ([], [])


def test_a_flood_fills_no_disk(decisions: Decisions, timer: Timer) -> None:
    with capture_logs() as lines:
        for _ in range(LINES + 1000):
            decisions.refused(Event.TOKEN, "unknown")
        decisions.refused(Event.TUNNEL, "name")
    assert [line["event"] for line in lines] == ["token refused"] * LINES + ["tunnel refused"]
    assert decisions.refusals[Event.TOKEN, "unknown"] == LINES + 1000
    with capture_logs() as lines:
        timer.ring()
        decisions.refused(Event.TOKEN, "unknown")
    left_out, next_one = lines
    assert (left_out["event"], left_out["of"]) == ("refusals not logged", "token refused")
    assert left_out["number"] == 1000
    assert next_one["event"] == "token refused"


def test_no_timer_runs_while_nobody_is_refused(decisions: Decisions, timer: Timer) -> None:
    decisions.refused(Event.PAGE, "host")
    decisions.refused(Event.PAGE, "host")
    with capture_logs() as lines:
        timer.ring()
    assert (lines, timer.waiting) == ([], [])
