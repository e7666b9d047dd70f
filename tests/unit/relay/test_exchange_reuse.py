"""Connections to the target that carry one request after another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pgrok.errors import ConnectionLost
from pgrok.http.head import MAX_HEAD_BYTES
from support.relay import GET, OK, TIMEOUTS, Relay, get, post, status
from support.transports import HIGH_WATER, MemoryTransport


def answered(relay: Relay, visitor: MemoryTransport) -> MemoryTransport:
    """Let a first request leave an idle connection behind."""
    visitor.send(GET)
    relay.target.send(OK)
    relay.target.take()
    visitor.take()
    return relay.target


def test_the_next_request_goes_on_the_same_connection(
    relay: Relay, visitor: MemoryTransport
) -> None:
    target = answered(relay, visitor)
    other = relay.visitor()
    other.send(get(b"/other"))
    assert relay.targets == [target]
    assert target.take() == get(b"/other")


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        OK + b"more",
    ],
)
def test_a_connection_that_is_not_used_again(
    relay: Relay, visitor: MemoryTransport, response: bytes
) -> None:
    visitor.send(GET)
    relay.target.send(response)
    assert relay.target.closed
    assert b"more" not in visitor.take()
    visitor.send(GET)
    assert len(relay.targets) == 2


def test_a_promise_of_the_target_is_kept_to(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    relay.target.send(b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=3\r\nContent-Length: 0\r\n\r\n")
    relay.advance(2)
    visitor.send(GET)
    assert len(relay.targets) == 2


def test_what_may_not_be_sent_twice_takes_no_risk(relay: Relay, visitor: MemoryTransport) -> None:
    answered(relay, visitor)
    relay.advance(1.5)
    visitor.send(post(b"x"))
    assert len(relay.targets) == 2


@pytest.mark.parametrize("leave", [MemoryTransport.end, MemoryTransport.reset])
def test_a_reused_connection_that_was_closing_is_forgiven_once(
    relay: Relay, visitor: MemoryTransport, leave: Callable[[MemoryTransport], None]
) -> None:
    target = answered(relay, visitor)
    visitor.send(get(b"/again"))
    leave(target)
    assert len(relay.targets) == 2
    assert relay.target.take() == get(b"/again")
    leave(relay.target)
    assert status(visitor.take()) == 502
    assert len(relay.targets) == 2


def test_the_second_attempt_is_on_a_new_connection(relay: Relay, visitor: MemoryTransport) -> None:
    other = relay.visitor()
    visitor.send(GET)
    other.send(GET)
    for target in relay.targets:
        target.send(OK)
    visitor.send(GET)
    relay.targets[1].end()
    assert len(relay.targets) == 3
    relay.target.send(OK)
    assert visitor.take() == OK + OK


def test_a_second_attempt_forgets_that_the_first_was_full(
    relay: Relay, visitor: MemoryTransport
) -> None:
    target = answered(relay, visitor)
    target.stop_taking()
    room = MAX_HEAD_BYTES - len(get(b"/", b"X: ", b"TE: trailers"))
    # It grows on its way by a Connection field.
    visitor.send(get(b"/", b"X: " + b"y" * room, b"TE: trailers"))
    assert target.get_write_buffer_size() > HIGH_WATER
    target.reset()
    assert len(relay.target.take()) > HIGH_WATER
    relay.target.send(OK)
    assert visitor.take() == OK
    visitor.send(GET)
    assert relay.target.take() == GET


@pytest.mark.parametrize(
    "begun",
    [b"H", OK[:-2], b"HTTP/1.1 103 Early Hints\r\n\r\n", b"garbage\r\n\r\n"],
)
def test_no_second_attempt_once_a_response_has_begun(
    relay: Relay, visitor: MemoryTransport, begun: bytes
) -> None:
    target = answered(relay, visitor)
    visitor.send(GET)
    target.send(begun)
    target.end()
    assert relay.targets == [target]


def test_no_second_attempt_for_an_upload(relay: Relay, visitor: MemoryTransport) -> None:
    target = answered(relay, visitor)
    visitor.send(post(b"x"))
    target.end()
    assert relay.targets == [target]
    assert status(visitor.take()) == 502


def test_too_many_at_once() -> None:
    relay = Relay(max_open=1)
    one, other = relay.visitor(), relay.visitor()
    one.send(GET)
    other.send(GET)
    answer = other.take()
    assert status(answer) == 503
    assert b"Retry-After: 1" in answer
    assert b"X-Pgrok-Error: overloaded" in answer
    relay.target.send(OK)
    other.send(GET)
    relay.target.send(OK)
    assert other.take() == OK


# The whole way is gone: every connection to the target at once


LOST = ConnectionLost("the SSH connection was lost")


def test_a_request_whose_way_is_lost_is_routed_anew_once(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(GET)
    relay.target.reset(LOST)
    assert len(relay.targets) == 2
    relay.target.reset(LOST)
    assert len(relay.targets) == 2
    assert status(visitor.take()) == 502


@pytest.mark.parametrize("request_", [post(b"x"), GET.replace(b"GET", b"DELETE")])
def test_one_that_changes_something_is_not(
    relay: Relay, visitor: MemoryTransport, request_: bytes
) -> None:
    visitor.send(request_)
    relay.target.reset(LOST)
    assert len(relay.targets) == 1
    assert status(visitor.take()) == 502


def test_nor_one_whose_response_has_begun(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    relay.target.send(OK[:-1])
    relay.target.reset(LOST)
    assert len(relay.targets) == 1
    assert visitor.take() == OK[:-1]
    assert visitor.aborted


def test_it_may_wait_for_a_new_way(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    relay.parks = True
    relay.target.reset(LOST)
    assert visitor.take() == b""
    relay.forward(relay.parked[0])
    relay.target.send(OK)
    assert visitor.take() == OK


def test_a_request_that_was_parked_is_waited_for_anew(relay: Relay) -> None:
    relay.parks = True
    waiting = relay.visitor()
    waiting.send(GET)
    waiting.send(GET)
    relay.advance(TIMEOUTS.response - 20)
    relay.parks = False
    answered(relay, relay.visitor())  # which leaves an idle connection
    relay.parked[0].route_again()
    relay.loop.run()
    assert waiting.is_reading()
    relay.advance(TIMEOUTS.response - 20)
    assert waiting.take() == b""
    relay.target.send(OK)
    assert waiting.take() == OK
