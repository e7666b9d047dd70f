"""One visitor's connection: request after request, and how it ends."""

from __future__ import annotations

from typing import cast

import pytest

from pgrok.http.pages import Code, Problem
from pgrok.relay.downstream import MAX_READ_AHEAD, DownstreamConnection
from pgrok.relay.exchange import Exchange
from support.heads import REFUSED_HEADS, TOO_MANY_LINES, TOO_MANY_OCTETS, Refused
from support.relay import CREATED, GET, OK, Relay, get, post, status
from support.transports import HIGH_WATER, MemoryTransport

CHUNKED = b"Transfer-Encoding: chunked"


@pytest.fixture
def relay() -> Relay:
    return Relay()


@pytest.fixture
def visitor(relay: Relay) -> MemoryTransport:
    return relay.visitor()


def connection(visitor: MemoryTransport) -> DownstreamConnection:
    return cast(DownstreamConnection, visitor.get_protocol())


# One after the other


def test_requests_one_after_the_other(relay: Relay, visitor: MemoryTransport) -> None:
    for target in (b"/one", b"/two", b"/three"):
        visitor.send(get(target))
        assert relay.target.take() == get(target)
        relay.target.send(OK)
        assert visitor.take() == OK
    assert relay.statuses == [200, 200, 200]


def test_pipelined_requests_wait_for_their_turn(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(get(b"/one") + post(b"body") + get(b"/three"))
    assert relay.target.take() == get(b"/one")
    relay.target.send(OK)
    assert (visitor.take(), relay.target.take()) == (OK, post(b"body"))
    relay.target.send(CREATED)
    assert (visitor.take(), relay.target.take()) == (CREATED, get(b"/three"))
    relay.target.send(OK)
    assert visitor.take() == OK


def test_pipelined_requests_in_single_octets(relay: Relay, visitor: MemoryTransport) -> None:
    for octet in get(b"/one") + b"\r\n" + get(b"/two"):
        visitor.send(bytes([octet]))
    relay.target.send(OK)
    assert relay.target.take() == get(b"/one") + get(b"/two")


def test_only_so_much_is_read_ahead(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(get(b"/slow"))
    for _ in range(10_000):
        visitor.send(GET)
    assert 10_000 * len(GET) - visitor.unread < MAX_READ_AHEAD + len(GET)
    for _ in range(10_001):
        relay.target.send(OK)
    assert visitor.take() == OK * 10_001
    assert relay.target.take() == get(b"/slow") + GET * 10_000


def test_a_last_request(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(get(b"/", b"Connection: close") + GET)
    relay.target.send(OK)
    assert visitor.take() == OK.replace(b"Content", b"Connection: close\r\nContent")
    assert visitor.ended
    assert relay.statuses == [200]


def test_refused_requests_keep_the_connection(relay: Relay, visitor: MemoryTransport) -> None:
    relay.refuses = True
    visitor.send(GET + GET + get(b"/", b"Connection: close"))
    assert visitor.take().count(b"HTTP/1.1 502 ") == 3
    assert relay.statuses == [502, 502, 502]
    assert visitor.ended


def test_a_refused_upload_is_not_waited_for(relay: Relay, visitor: MemoryTransport) -> None:
    relay.refuses = True
    visitor.send(post(b"hel", b"Content-Length: 5"))
    assert b"Connection: close\r\n" in visitor.take()
    assert visitor.ended
    visitor.send(b"lo" + GET)
    assert visitor.take() == b""
    visitor.end()
    assert visitor.closed
    assert not visitor.aborted


# What is no request


@pytest.mark.parametrize("vector", [*REFUSED_HEADS, TOO_MANY_LINES, *TOO_MANY_OCTETS], ids=str)
def test_what_is_no_request_is_answered_and_goes_no_further(
    relay: Relay, visitor: MemoryTransport, vector: Refused
) -> None:
    visitor.send(vector.data + GET)
    assert status(visitor.take()) == vector.status
    assert visitor.ended
    visitor.send(GET)
    assert (visitor.take(), relay.targets) == (b"", [])


def test_what_is_no_request_waits_for_its_turn_too(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET + b"nonsense\r\n\r\n")
    assert visitor.take() == b""
    relay.target.send(OK)
    answers = visitor.take()
    assert answers.startswith(OK)
    assert status(answers.removeprefix(OK)) == 400


BROKEN = post(b"3\r\nabc\r\nnonsense\r\n", CHUNKED)


def test_broken_chunks_before_a_response(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(BROKEN)
    assert status(visitor.take()) == 400
    assert visitor.ended
    assert relay.target.aborted
    assert relay.statuses == [400]


def test_broken_chunks_after_a_response_has_begun(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(BROKEN[:-12])
    relay.target.send(OK[:-1])
    visitor.send(BROKEN[-12:])
    assert visitor.take() == OK[:-1]
    assert visitor.aborted
    assert relay.target.aborted


def test_broken_chunks_behind_a_target_that_is_not_there_yet(
    relay: Relay, visitor: MemoryTransport
) -> None:
    relay.connects = False
    visitor.send(BROKEN)
    relay.target.connect()
    assert status(visitor.take()) == 400
    assert relay.target.aborted


def test_empty_lines_are_no_request(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(b"\r\n\r\n")
    assert connection(visitor).idle
    visitor.send(b"\r\n" + GET)
    assert relay.target.take() == GET


# The visitor ends its direction


def test_an_end_after_the_request(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    visitor.end()
    relay.target.send(OK)
    assert (visitor.take(), visitor.closed, visitor.aborted) == (OK, True, False)


def test_an_end_after_several_requests(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(get(b"/one") + get(b"/two"))
    visitor.end()
    relay.target.send(OK)
    assert not visitor.closed
    relay.target.send(OK)
    assert (visitor.take(), visitor.closed) == (OK + OK, True)


def test_an_end_after_an_upload_that_its_target_is_not_ready_for(
    relay: Relay, visitor: MemoryTransport
) -> None:
    relay.connects = False
    visitor.send(post(b"hello"))
    visitor.end()
    relay.target.connect()
    assert relay.target.take() == post(b"hello")
    relay.target.send(CREATED)
    assert (visitor.take(), visitor.closed) == (CREATED, True)


def test_an_end_that_cuts_an_upload(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(post(b"hel", b"Content-Length: 5"))
    visitor.end()
    assert status(visitor.take()) == 400
    assert relay.target.aborted
    assert visitor.closed


def test_an_end_that_cuts_an_upload_behind_a_slow_target(
    relay: Relay, visitor: MemoryTransport
) -> None:
    relay.connects = False
    visitor.send(post(b"hel", b"Content-Length: 5"))
    visitor.end()
    relay.target.connect()
    assert relay.target.aborted
    assert visitor.closed


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
def test_an_end_instead_of_a_request(visitor: MemoryTransport, sent: bytes) -> None:
    if sent:
        visitor.send(sent)
    visitor.end()
    assert (visitor.take(), visitor.closed) == (b"", True)


def test_an_end_within_a_head(visitor: MemoryTransport) -> None:
    visitor.send(GET[:-1])
    visitor.end()
    assert status(visitor.take()) == 400
    assert visitor.closed


def test_an_end_between_requests(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    relay.target.send(OK)
    visitor.end()
    assert visitor.closed


def test_an_end_while_the_last_answer_is_not_taken(relay: Relay, visitor: MemoryTransport) -> None:
    length = HIGH_WATER + 1
    visitor.send(GET)
    visitor.stop_taking()
    relay.target.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + b"x" * length)
    visitor.end()
    assert not visitor.closed
    visitor.go_on_taking()
    assert visitor.take().endswith(b"x" * length)
    assert (visitor.closed, visitor.aborted) == (True, False)


# A visitor who does not read


def test_refusals_do_not_pile_up(relay: Relay, visitor: MemoryTransport) -> None:
    """Each is many times longer than its request, and nothing else would hold them back."""
    relay.refuses = True
    visitor.stop_taking()
    for _ in range(100):
        visitor.send(get(b"/", b"Accept: text/html") * 100)
    assert visitor.get_write_buffer_size() < HIGH_WATER + 20_000
    assert visitor.unread > 0
    relay.advance(500)
    assert not visitor.closed
    while not (visitor.unread == 0 and visitor.get_write_buffer_size() == 0):
        visitor.go_on_taking()
        visitor.stop_taking()
    assert visitor.take().count(b"HTTP/1.1 502 ") == 10_000


def test_a_next_request_waits_for_room_for_its_response(
    relay: Relay, visitor: MemoryTransport
) -> None:
    length = HIGH_WATER + 1
    visitor.send(get(b"/one"))
    visitor.stop_taking()
    relay.target.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + b"x" * length)
    visitor.send(get(b"/two"))
    assert relay.target.take() == get(b"/one")
    visitor.go_on_taking()
    assert relay.target.take() == get(b"/two")


def test_who_is_not_read_may_still_end(relay: Relay, visitor: MemoryTransport) -> None:
    relay.refuses = True
    visitor.stop_taking()
    visitor.send(GET * 1000)
    visitor.end()
    for _ in range(10):
        visitor.go_on_taking()
        visitor.stop_taking()
    assert visitor.closed
    assert visitor.take().count(b"HTTP/1.1 502 ") == 1000


# Deadlines


def test_a_visitor_who_says_nothing(relay: Relay, visitor: MemoryTransport) -> None:
    relay.advance(29)
    assert visitor.open
    relay.advance(3)
    assert (visitor.take(), visitor.closed) == (b"", True)


@pytest.mark.parametrize("octets", [b"GET / HTTP/1.1\r\nX:" + b"y" * 100])
def test_a_head_in_drops(relay: Relay, visitor: MemoryTransport, octets: bytes) -> None:
    for octet in octets[:16]:
        visitor.send(bytes([octet]))
        relay.advance(1.9)
    assert visitor.open
    relay.advance(3)
    assert status(visitor.take()) == 408
    assert visitor.ended


def test_empty_lines_do_not_keep_a_connection(relay: Relay, visitor: MemoryTransport) -> None:
    for _ in range(10):
        visitor.send(b"\r\n")
        relay.advance(4)
    assert visitor.closed


def test_an_idle_connection(relay: Relay, visitor: MemoryTransport) -> None:
    for _ in range(3):
        visitor.send(GET)
        relay.target.send(OK)
        relay.advance(74)
        assert visitor.open
    visitor.take()
    relay.advance(3)
    assert (visitor.take(), visitor.closed) == (b"", True)


def test_a_second_head_has_its_own_time(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    relay.target.send(OK)
    relay.advance(70)
    visitor.take()
    visitor.send(GET[:5])
    relay.advance(29)
    assert visitor.open
    relay.advance(3)
    assert status(visitor.take()) == 408


def test_a_pipelined_half_of_a_head_has_its_time_too(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(GET + GET[:5])
    relay.advance(100)
    relay.target.send(OK)
    assert visitor.take() == OK
    relay.advance(29)
    assert visitor.open
    relay.advance(3)
    assert status(visitor.take()) == 408


def test_an_upload_that_stops(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(post(b"", b"Content-Length: 10"))
    for octet in b"12345":
        relay.advance(55)
        visitor.send(bytes([octet]))
    assert visitor.open
    relay.advance(62)
    assert status(visitor.take()) == 408
    assert relay.target.aborted
    assert visitor.ended


def test_an_upload_that_stops_after_the_response(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(post(b"12345", b"Content-Length: 10"))
    relay.target.send(OK)
    relay.advance(62)
    assert visitor.take() == OK
    assert visitor.aborted
    assert relay.target.aborted


def test_an_upload_that_its_target_does_not_take(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(post(b"", b"Content-Length: %d" % (4 * HIGH_WATER)))
    relay.target.stop_taking()
    for _ in range(3):
        visitor.send(b"x" * HIGH_WATER)
    relay.advance(119)
    assert visitor.open
    relay.advance(3)
    assert status(visitor.take()) == 504


def test_a_target_that_does_not_answer(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    relay.advance(119)
    assert visitor.open
    relay.advance(3)
    answer = visitor.take()
    assert status(answer) == 504
    assert b"X-Pgrok-Error: target-slow" in answer
    assert relay.target.aborted
    assert visitor.open
    visitor.send(GET)
    relay.target.send(OK)
    assert visitor.take() == OK


def test_a_target_that_is_never_reached(relay: Relay, visitor: MemoryTransport) -> None:
    relay.connects = False
    visitor.send(GET)
    relay.advance(122)
    assert status(visitor.take()) == 504
    assert relay.target.given_up


def test_a_response_may_take_its_time_once_it_has_begun(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(GET)
    relay.target.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    relay.advance(10_000)
    visitor.take()
    relay.target.send(b"data: x\n\n")
    assert visitor.take() == b"9\r\ndata: x\n\n\r\n"


def test_a_reader_may_take_its_time(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    visitor.stop_taking()
    relay.target.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (HIGH_WATER + 1))
    relay.advance(10_000)
    visitor.go_on_taking()
    relay.target.end()
    assert visitor.take().endswith(b"0\r\n\r\n")


def test_an_answer_is_lingered_over(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(b"nonsense\r\n\r\n")
    assert visitor.ended
    for _ in range(4):
        visitor.send(b"more nonsense")
        relay.advance(1)
    assert not visitor.closed
    relay.advance(3)
    assert (visitor.closed, visitor.aborted) == (True, False)


def test_no_clock_runs_for_a_visitor_who_left(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    visitor.reset()
    relay.advance(2)
    assert not relay.loop.has_timers


# Draining


def test_an_idle_connection_is_drained_at_once(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    relay.target.send(OK)
    connection(visitor).close_when_idle()
    relay.loop.run()
    assert (visitor.take(), visitor.closed) == (OK, True)


def test_a_busy_connection_is_drained_after_its_request(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(GET)
    connection(visitor).close_when_idle()
    relay.target.send(OK)
    assert visitor.take() == OK
    assert visitor.ended
    visitor.send(GET)
    visitor.end()
    assert (visitor.take(), visitor.closed) == (b"", True)


def test_a_request_that_comes_while_draining_is_the_last(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(GET[:5])
    connection(visitor).close_when_idle()
    visitor.send(GET[5:])
    relay.target.send(OK)
    assert b"Connection: close\r\n" in visitor.take()
    assert visitor.ended


def test_an_upload_goes_on_while_draining(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(post(b"hel", b"Content-Length: 5"))
    connection(visitor).close_when_idle()
    visitor.send(b"lo")
    assert relay.target.take() == post(b"hello")
    relay.target.send(CREATED)
    assert visitor.take() == CREATED


# Bugs elsewhere


def test_a_backend_that_answers_at_once_and_late(relay: Relay, visitor: MemoryTransport) -> None:
    exchanges: list[Exchange] = []

    def route(exchange: Exchange) -> None:
        exchanges.append(exchange)
        exchange.refuse(Problem(Code.NO_TUNNEL, 502))
        exchange.refuse(Problem(Code.NO_TUNNEL, 502))

    relay.route = route  # type: ignore[method-assign]
    visitor.send(GET)
    relay.forward(exchanges[0])
    assert visitor.take().count(b"HTTP/1.1 ") == 1
    assert relay.targets == []
