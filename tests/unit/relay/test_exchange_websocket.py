"""Going over to WebSocket."""

from __future__ import annotations

import pytest

from support.relay import GET, OK, Relay, get, status
from support.transports import HIGH_WATER, MemoryTransport

BLOCK = b"x" * HIGH_WATER
ASK = get(b"/", b"Upgrade: websocket", b"Connection: Upgrade")
SWITCH = b"HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def test_a_websocket(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(ASK)
    assert relay.target.take() == get(b"/", b"Connection: Upgrade", b"Upgrade: websocket")
    relay.target.send(SWITCH)
    assert visitor.take() == SWITCH
    assert relay.statuses == [101]
    visitor.send(b"\x81\x01a")
    assert relay.target.take() == b"\x81\x01a"
    relay.target.send(b"\x81\x01b")
    assert visitor.take() == b"\x81\x01b"
    visitor.end()
    assert relay.target.ended
    relay.target.end()
    assert visitor.closed


def test_octets_that_came_with_the_switch_on_either_side(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(ASK + b"\x81\x01a")
    visitor.send(b"\x81\x01b")
    relay.target.take()
    relay.target.send(SWITCH + b"\x81\x01c")
    assert relay.target.take() == b"\x81\x01a\x81\x01b"
    assert visitor.take() == SWITCH + b"\x81\x01c"
    visitor.send(b"\x81\x01d")
    assert relay.target.take() == b"\x81\x01d"


def test_a_switched_connection_belongs_to_no_pool_and_no_clock(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(ASK)
    relay.target.send(SWITCH)
    assert relay.pool.open_connections == 0
    relay.advance(10_000)
    assert visitor.open
    assert relay.target.open
    visitor.reset()
    assert relay.target.aborted


@pytest.mark.parametrize("to", [b"h2c", b"websocket, h2c", b"websocket/13", b""])
def test_a_switch_to_something_else(relay: Relay, visitor: MemoryTransport, to: bytes) -> None:
    visitor.send(ASK)
    relay.target.send(SWITCH.replace(b"websocket", to))
    assert status(visitor.take()) == 502
    assert relay.target.aborted


def test_a_websocket_that_is_refused_is_plain_http(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(ASK)
    relay.target.send(OK)
    assert visitor.take() == OK
    visitor.send(GET)
    assert len(relay.targets) == 1


def test_octets_after_a_refused_websocket_are_no_request(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(ASK + b"\x81\x01a\r\n\r\n")
    relay.target.send(OK)
    assert status(visitor.take().removeprefix(OK)) == 400
    assert visitor.ended


def test_backpressure_survives_the_switch(relay: Relay, visitor: MemoryTransport) -> None:
    """A visitor who did not take what came before the 101 is still full after it."""
    hints = b"HTTP/1.1 103 -\r\nX: %b\r\n\r\n" % (b"y" * 60_000)
    visitor.send(ASK)
    visitor.stop_taking()
    relay.target.send(hints)
    relay.target.send(hints + SWITCH)
    relay.target.send(BLOCK)
    relay.target.send(BLOCK)
    assert relay.target.unread == 2 * len(BLOCK)
    visitor.go_on_taking()
    assert visitor.take().endswith(2 * BLOCK)


def test_a_visitor_who_had_ended_before_the_switch(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(ASK)
    visitor.end()
    relay.target.send(SWITCH)
    assert relay.target.ended
    relay.target.end()
    assert visitor.closed
    assert relay.target.closed
