"""How long a visitor and a target are waited for."""

from __future__ import annotations

import pytest

from support.relay import GET, OK, Relay, get, post, status
from support.transports import HIGH_WATER, MemoryTransport

CHUNKED = b"Transfer-Encoding: chunked"
SWITCH = b"HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


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


@pytest.mark.parametrize("request_", [GET, post(b"body")], ids=["GET", "POST"])
def test_a_connection_that_is_not_made(
    relay: Relay, visitor: MemoryTransport, request_: bytes
) -> None:
    relay.connects = False
    visitor.send(request_)
    relay.advance(19)
    assert visitor.take() == b""
    relay.advance(3)
    assert status(visitor.take()) == 504
    assert relay.target.given_up


@pytest.mark.parametrize("request_", [GET, post(b"body")], ids=["GET", "POST"])
def test_a_response_has_its_own_time_once_the_connection_stands(
    relay: Relay, visitor: MemoryTransport, request_: bytes
) -> None:
    relay.connects = False
    visitor.send(request_)
    relay.advance(19)
    relay.target.connect()
    relay.advance(119)
    assert visitor.take() == b""
    relay.advance(3)
    assert status(visitor.take()) == 504


def test_who_is_parked_does_not_wait_for_a_connection(
    relay: Relay, visitor: MemoryTransport
) -> None:
    relay.parks = True
    visitor.send(GET)
    relay.advance(100)
    assert visitor.take() == b""


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


def test_a_target_that_answers_no_more(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    relay.target.send(OK)
    visitor.take()
    visitor.send(GET)
    relay.advance(119)
    assert visitor.take() == b""
    relay.advance(3)
    assert status(visitor.take()) == 504


def test_octets_of_a_next_request_make_no_target_faster(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(GET)
    for octet in b"GET":
        relay.advance(35)
        visitor.send(bytes([octet]))
    relay.advance(17)
    assert status(visitor.take()) == 504


def test_a_body_in_drops_that_hold_nothing(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(post(b"", CHUNKED))
    for octet in b"000":
        visitor.send(bytes([octet]))
        relay.advance(20.5)
    assert status(visitor.take()) == 408


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


def fill(relay: Relay, visitor: MemoryTransport) -> None:
    """Have a visitor ask for more than fits, and not read it."""
    visitor.send(GET)
    visitor.stop_taking()
    relay.target.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (HIGH_WATER + 1))


def test_a_reader_may_take_its_time(relay: Relay, visitor: MemoryTransport) -> None:
    fill(relay, visitor)
    for _ in range(100):
        relay.advance(299)
        visitor.take_some(10)
    visitor.go_on_taking()
    relay.target.end()
    assert visitor.take().endswith(b"0\r\n\r\n")


def test_who_stops_reading_is_given_up_and_holds_nothing(
    relay: Relay, visitor: MemoryTransport
) -> None:
    fill(relay, visitor)
    visitor.take_some(10)
    relay.advance(299)
    assert visitor.open
    relay.advance(303)
    assert visitor.aborted
    assert relay.target.aborted
    assert relay.statuses == [200]


def test_who_read_again_and_stops_anew_has_all_the_time_anew(
    relay: Relay, visitor: MemoryTransport
) -> None:
    fill(relay, visitor)
    relay.advance(299)
    visitor.go_on_taking()
    visitor.stop_taking()
    relay.target.send(b"x" * (HIGH_WATER + 1))
    relay.advance(299)
    assert visitor.open
    relay.advance(3)
    assert visitor.aborted


def test_who_read_all_may_be_silent(relay: Relay, visitor: MemoryTransport) -> None:
    fill(relay, visitor)
    visitor.go_on_taking()
    relay.advance(10_000)
    assert visitor.open


def test_who_stops_reading_while_uploading_is_given_up_too(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(post(b"", CHUNKED))
    visitor.stop_taking()
    relay.target.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (HIGH_WATER + 1))
    for _ in range(7):
        relay.advance(50)
        visitor.send(b"1\r\nx\r\n")
    assert visitor.aborted


def test_who_does_not_read_a_last_answer_is_given_up(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.stop_taking()
    visitor.send(b"nonsense\r\n\r\n")
    relay.advance(7)
    assert not visitor.closed
    relay.advance(297)
    assert not visitor.aborted
    relay.advance(5)
    assert visitor.aborted


def test_who_reads_nothing_and_was_refused_at_once_is_given_up_as_soon(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(GET + get(b"/", b"Connection: close"))
    visitor.end()
    visitor.stop_taking()
    relay.refuses = True
    relay.target.send(OK)
    assert relay.statuses == [200, 502]
    relay.advance(298)
    assert not visitor.aborted
    relay.advance(4)
    assert visitor.aborted


def test_who_reads_a_last_answer_late_gets_it(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.stop_taking()
    visitor.send(get(b"/", b"Connection: close"))
    relay.target.send(OK)
    relay.advance(200)
    visitor.go_on_taking()
    assert visitor.take().endswith(b"hi")
    assert (visitor.closed, visitor.aborted) == (True, False)


def test_an_idle_visitor_who_has_not_read_is_given_up(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(GET)
    visitor.stop_taking()
    visitor.send(GET)
    relay.target.send(OK)
    relay.target.send(OK)
    relay.advance(78)
    assert not visitor.closed
    relay.advance(302)
    assert visitor.aborted


def test_a_stream_that_is_no_answer_any_more_may_stand_still(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(get(b"/", b"Connection: upgrade", b"Upgrade: websocket"))
    visitor.stop_taking()
    relay.target.send(SWITCH + b"x" * (HIGH_WATER + 1))
    relay.advance(10_000)
    assert visitor.open


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
