"""What the soak excuses: what the documented behaviour lets a fault cost, there and then."""

from __future__ import annotations

import pytest

from pgrok.http.pages import Code
from soak.ends import Failure, Sort
from soak.troubles import Goodbye, Loss, Restart, Trouble, Troubles

LOSS = Loss("cut", "alice", began=100.0, done=100.1, ended=130.0)
TWICE = Loss("cut handshake", "alice", losses=2, began=100.0, done=103.0, ended=105.0)
GOODBYE = Goodbye("stop", "alice", began=100.0, done=100.1, ended=105.0)
RESTART = Restart("restart", "alice", began=100.0, done=111.0, serving=112.0, ended=125.0)
SLOW = Trouble("delay", "alice", began=100.0, done=101.0, ended=101.0)


def refused(sort: Sort, code: Code, ended: float, tunnel: str = "alice") -> Failure:
    return Failure(sort, tunnel, ended - 0.2, ended - 0.2, ended, code)


def cut(sort: Sort, ended: float, *, answered: bool, stood: float | None = None) -> Failure:
    began = ended - 0.2
    return Failure(sort, "alice", stood or began, began, ended, None, answered)


@pytest.mark.parametrize(
    ("trouble", "failure"),
    [
        (LOSS, refused(Sort.POST, Code.TUNNEL_LOST, 100.2)),
        (LOSS, refused(Sort.WEBSOCKET, Code.TUNNEL_LOST, 100.2)),
        (LOSS, refused(Sort.GET, Code.NO_TUNNEL, 110.5)),
        (LOSS, cut(Sort.GET, 100.2, answered=True)),
        (LOSS, cut(Sort.TCP, 120.0, answered=False)),
        (TWICE, refused(Sort.GET, Code.TUNNEL_LOST, 102.0)),
        (GOODBYE, refused(Sort.GET, Code.NO_TUNNEL, 101.0)),
        (GOODBYE, refused(Sort.POST, Code.TUNNEL_LOST, 100.2)),
        (RESTART, refused(Sort.POST, Code.TUNNEL_LOST, 110.5)),
        (RESTART, refused(Sort.GET, Code.DRAINING, 100.5)),
        (RESTART, refused(Sort.GET, Code.NO_TUNNEL, 122.5)),
        (RESTART, cut(Sort.GET, 110.5, answered=True)),
        (RESTART, cut(Sort.WEBSOCKET, 103.5, answered=True)),
        (RESTART, cut(Sort.GET, 100.5, answered=False)),
        (RESTART, cut(Sort.GET, 130.0, answered=False, stood=99.0)),
    ],
)
def test_what_it_may_cost(trouble: Trouble, failure: Failure) -> None:
    assert excuse(failure, trouble) is trouble


@pytest.mark.parametrize(
    ("trouble", "failure"),
    [
        (LOSS, refused(Sort.GET, Code.TUNNEL_LOST, 100.2)),
        (LOSS, refused(Sort.GET, Code.NO_TUNNEL, 109.0)),
        (LOSS, refused(Sort.POST, Code.NO_TUNNEL, 109.0)),
        (LOSS, refused(Sort.POST, Code.TUNNEL_LOST, 103.0)),
        (LOSS, refused(Sort.POST, Code.TUNNEL_LOST, 100.2, tunnel="bob")),
        (LOSS, refused(Sort.GET, Code.NO_TUNNEL, 131.0)),
        (LOSS, refused(Sort.GET, Code.TARGET_DOWN, 100.2)),
        (LOSS, refused(Sort.GET, Code.PARKING_FULL, 100.2)),
        (LOSS, cut(Sort.GET, 100.2, answered=False)),
        (LOSS, cut(Sort.GET, 105.0, answered=True)),
        (GOODBYE, refused(Sort.GET, Code.NO_TUNNEL, 106.0)),
        (GOODBYE, refused(Sort.GET, Code.TUNNEL_LOST, 100.2)),
        (RESTART, refused(Sort.POST, Code.TUNNEL_LOST, 105.0)),
        (RESTART, refused(Sort.GET, Code.NO_TUNNEL, 115.0)),
        (RESTART, cut(Sort.GET, 105.0, answered=True)),
        (RESTART, cut(Sort.WEBSOCKET, 102.0, answered=True)),
        (RESTART, cut(Sort.GET, 120.0, answered=True)),
        (RESTART, cut(Sort.GET, 120.0, answered=False)),
        (RESTART, Failure(Sort.GET, "alice", 98.0, 98.0, 105.0, None)),
        (SLOW, refused(Sort.POST, Code.TUNNEL_LOST, 100.5)),
        (SLOW, cut(Sort.TCP, 100.5, answered=True)),
    ],
)
def test_what_it_may_not_cost(trouble: Trouble, failure: Failure) -> None:
    assert excuse(failure, trouble) is None


def test_that_two_losses_may_cost_what_is_sent_again_once() -> None:
    second = Loss("kill", "alice", began=131.0, done=131.1, ended=132.0)
    get = Failure(Sort.GET, "alice", 99.9, 99.9, 131.2, Code.TUNNEL_LOST)
    assert excuse(get, LOSS) is None
    assert excuse(get, LOSS, second) is second
    parked = Failure(Sort.GET, "alice", 129.0, 129.0, 131.2, Code.TUNNEL_LOST)
    assert excuse(parked, LOSS, second) is None


def excuse(failure: Failure, *faults: Trouble) -> Trouble | None:
    troubles = Troubles()
    for fault in faults:
        troubles.note(fault)
    return troubles.excuse(failure)
