from __future__ import annotations

from functools import partial

import pytest

from pgrok.relay.deadlines import TICK, Deadlines
from pgrok.relay.exchange import Exchange
from pgrok.server.proxy.parking import Parking
from pgrok.server.settings import LimitSettings
from support.relay import Relay, get, status
from support.transports import MemoryTransport

SECONDS = 10.0
LIMITS = LimitSettings(parked=12, parked_per_tunnel=4)


class Park:
    """A relay whose backend knows one tunnel, `bob`, that may be up or have vanished."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.relay = Relay(max_open=LIMITS.parked + 1)
        self.relay.route = self.route  # type: ignore[method-assign]
        self.relay.finished = self.finished  # type: ignore[method-assign]
        self.parking = Parking(Deadlines(self.relay.loop), seconds, LIMITS)
        self.up = False

    def route(self, exchange: Exchange) -> None:
        label = exchange.request.target.strip(b"/").decode() or "bob"
        if label in self.parking.expected:
            self.parking.park(label, exchange, partial(self.route, exchange))
        elif self.up:
            self.relay.forward(exchange)
        else:
            self.relay.refuses = True
            Relay.route(self.relay, exchange)

    def finished(self, exchange: Exchange, seconds: float) -> None:
        self.parking.leave(exchange)

    def ask(self, label: str = "bob") -> MemoryTransport:
        visitor = self.relay.visitor()
        visitor.send(get(b"/" + label.encode()))
        return visitor

    def arrive(self, label: str = "bob") -> None:
        self.up = True
        self.parking.arrived(label)
        self.relay.loop.run()


@pytest.fixture
def park() -> Park:
    park = Park()
    park.parking.vanished("bob")
    return park


def test_a_request_waits_and_is_served(park: Park) -> None:
    visitor = park.ask()
    assert visitor.take() == b""
    park.arrive()
    assert park.relay.target.take().startswith(b"GET /bob ")


def test_nobody_waits_for_a_name_that_did_not_vanish(park: Park) -> None:
    assert status(park.ask("eve").take()) == 502


def test_waiting_ends(park: Park) -> None:
    visitor = park.ask()
    park.relay.advance(SECONDS + 2 * TICK)
    assert status(visitor.take()) == 502
    assert status(park.ask().take()) == 502


def test_a_name_that_vanishes_again_is_waited_for_anew(park: Park) -> None:
    visitor = park.ask()
    park.relay.advance(SECONDS - 1)
    park.parking.vanished("bob")
    park.relay.advance(SECONDS - 1)
    assert visitor.take() == b""
    park.arrive()
    assert park.relay.target.take()


def test_a_visitor_who_goes_is_forgotten(park: Park) -> None:
    park.ask().reset()
    park.arrive()
    assert park.relay.targets == []


def test_the_body_is_not_read_meanwhile(park: Park) -> None:
    visitor = park.relay.visitor()
    visitor.send(b"POST /bob HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
    for _ in range(4):
        visitor.send(b"x" * 50_000)
    assert visitor.unread >= 100_000
    park.arrive()
    assert visitor.unread == 0


def test_requests_are_served_in_their_order(park: Park) -> None:
    visitors = [park.ask() for _ in range(3)]
    park.arrive()
    assert len(park.relay.targets) == 3
    for target, visitor in zip(park.relay.targets, visitors, strict=True):
        target.send(b"HTTP/1.1 204 -\r\nX: y\r\n\r\n")
        assert status(visitor.take()) == 204


def test_so_many_wait_for_one_name(park: Park) -> None:
    waiting = [park.ask() for _ in range(LIMITS.parked_per_tunnel)]
    full = park.ask().take()
    assert status(full) == 503
    assert b"\r\nX-Pgrok-Error: parking-full\r\n" in full
    assert b"\r\nRetry-After: " in full
    waiting[0].reset()
    assert park.ask().take() == b""


def test_so_many_wait_in_all(park: Park) -> None:
    names = [f"n{number}" for number in range(LIMITS.parked // LIMITS.parked_per_tunnel)]
    for name in names:
        park.parking.vanished(name)
        for _ in range(LIMITS.parked_per_tunnel):
            park.ask(name)
    assert status(park.ask().take()) == 503
    park.arrive(names[0])
    park.up = False
    assert park.ask().take() == b""


def test_parking_may_be_off() -> None:
    park = Park(seconds=0)
    park.parking.vanished("bob")
    assert status(park.ask().take()) == 502


def test_nothing_is_kept(park: Park) -> None:
    park.ask()
    park.arrive()
    for _ in range(3):
        park.parking.vanished("bob")
        park.parking.arrived("bob")
    park.relay.target.send(b"HTTP/1.1 204 -\r\nConnection: close\r\n\r\n")
    park.relay.advance(5 * TICK + 75)
    assert not park.relay.loop.has_timers


def test_a_server_that_is_about_to_stop_lets_nobody_wait(park: Park) -> None:
    visitor = park.ask()
    park.parking.close()
    answer = visitor.take()
    assert status(answer) == 503
    assert b"\r\nX-Pgrok-Error: draining\r\n" in answer
    park.parking.vanished("bob")
    assert status(park.ask().take()) == 502
    park.relay.advance(5 * TICK + 75)
    assert not park.relay.loop.has_timers
