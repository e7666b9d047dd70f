"""One request and its response, from the visitor to the target and back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pgrok.http.fields import Fields
from pgrok.http.head import ResponseHead
from pgrok.http.pages import Code, Problem
from support.relay import CREATED, GET, OK, Relay, get, post, status
from support.transports import HIGH_WATER, MemoryTransport

BLOCK = b"x" * HIGH_WATER
CHUNKED = b"Transfer-Encoding: chunked"


@pytest.fixture
def relay() -> Relay:
    return Relay()


@pytest.fixture
def visitor(relay: Relay) -> MemoryTransport:
    return relay.visitor()


# Whole messages


def test_a_request_and_its_response(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(get(b"/a?b", b"X: y", b"Connection: keep-alive"))
    assert relay.target.take() == get(b"/a?b", b"X: y")
    relay.target.send(OK)
    assert visitor.take() == OK
    assert relay.statuses == [200]
    assert visitor.open


def test_nothing_is_held_back(relay: Relay, visitor: MemoryTransport) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"
    visitor.send(GET)
    for part in (head, b"da", b"ta", b"\n\n"):
        relay.target.send(part)
        assert visitor.take() == part
    assert relay.statuses == [200]


def test_an_upload_in_parts(relay: Relay, visitor: MemoryTransport) -> None:
    upload = post(b"hello")
    visitor.send(upload[:-5])
    assert relay.target.take() == upload[:-5]
    visitor.send(b"he")
    assert relay.target.take() == b"he"
    visitor.send(b"llo")
    assert relay.target.take() == b"llo"
    relay.target.send(CREATED)
    assert visitor.take() == CREATED


def test_chunks_and_trailers_both_ways(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(post(b"3;ext\r\nabc\r\n0\r\nX-Sum: 1\r\nHost: b\r\n\r\n", CHUNKED))
    assert relay.target.take() == post(b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n", CHUNKED)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    relay.target.send(head + b"2\r\nhi\r\n")
    assert visitor.take() == head + b"2\r\nhi\r\n"
    relay.target.send(b"0\r\nX-Time: 2\r\n\r\n")
    assert visitor.take() == b"0\r\nX-Time: 2\r\n\r\n"
    assert visitor.open


def test_the_body_is_there_before_the_target_is(relay: Relay, visitor: MemoryTransport) -> None:
    relay.connects = False
    visitor.send(post(b"hello"))
    relay.target.connect()
    assert relay.target.take() == post(b"hello")


@pytest.mark.parametrize(
    ("method", "head"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
    ],
)
def test_a_response_without_a_body(
    relay: Relay, visitor: MemoryTransport, method: bytes, head: bytes
) -> None:
    visitor.send(GET.replace(b"GET", method))
    relay.target.send(head)
    assert visitor.take() == head
    visitor.send(GET)
    assert len(relay.targets) == 1
    relay.target.send(OK)
    assert visitor.take() == OK


def test_a_body_that_ends_with_the_connection(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    relay.target.send(b"HTTP/1.1 200 OK\r\n\r\nhi")
    assert visitor.take() == b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"
    relay.target.end()
    assert visitor.take() == b"0\r\n\r\n"
    assert visitor.open
    assert relay.target.closed


def test_a_visitor_of_http_1_0(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    assert relay.target.take() == GET
    relay.target.send(
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n\r\n"
    )
    relay.target.send(b"2\r\nhi\r\n0\r\n\r\n")
    assert visitor.take() == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi"
    assert visitor.ended


def test_a_target_of_http_1_0(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    relay.target.send(OK.replace(b"1.1", b"1.0"))
    assert visitor.take() == OK
    assert visitor.open
    assert relay.target.closed


def test_heads_are_rewritten_on_the_way_back(relay: Relay, visitor: MemoryTransport) -> None:
    added: Fields = [(b"X-Added", b"here")]

    def rewrite(response: ResponseHead) -> ResponseHead:
        response.fields += added
        return response

    relay.rewrite = rewrite  # type: ignore[method-assign]
    visitor.send(GET)
    relay.target.send(OK)
    assert b"X-Added: here\r\n" in visitor.take()


# Interim responses


def test_interim_responses_are_passed_on(relay: Relay, visitor: MemoryTransport) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    visitor.send(GET)
    relay.target.send(hints)
    assert visitor.take() == hints
    relay.target.send(hints + OK)
    assert visitor.take() == hints + OK
    assert relay.statuses == [200]


WAITING = post(b"", b"Expect: 100-continue", b"Content-Length: 5")


def test_a_100_is_waited_for(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(WAITING)
    assert relay.target.take() == WAITING
    relay.target.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert visitor.take() == b"HTTP/1.1 100 Continue\r\n\r\n"
    visitor.send(b"hello")
    assert relay.target.take() == b"hello"
    relay.target.send(CREATED)
    assert visitor.take() == CREATED
    assert visitor.open


def test_a_body_that_comes_without_waiting(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(WAITING + b"hello")
    relay.target.send(b"HTTP/1.1 100 Continue\r\n\r\n" + CREATED)
    assert visitor.take().endswith(CREATED)
    visitor.send(GET)
    assert len(relay.targets) == 1


def test_a_refusal_in_place_of_a_100_ends_the_connection(
    relay: Relay, visitor: MemoryTransport
) -> None:
    """Whether a body follows now, nobody can tell."""
    visitor.send(WAITING)
    relay.target.send(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")
    assert visitor.take() == b"HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    assert visitor.ended
    assert relay.target.aborted


def test_a_target_that_is_slow_with_its_100_is_the_one_to_blame(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(WAITING)
    relay.advance(119)
    assert visitor.take() == b""
    relay.advance(3)
    assert status(visitor.take()) == 504


# A response before the end of the upload


def test_a_response_while_the_upload_runs(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(post(b"12345", b"Content-Length: 10"))
    relay.target.send(OK)
    assert visitor.take() == OK
    assert relay.statuses == []
    visitor.send(b"67890" + GET)
    assert relay.target.take().endswith(b"1234567890" + GET)
    assert relay.statuses == [200]
    relay.target.send(OK)
    assert visitor.take() == OK


def test_an_early_response_of_a_target_that_leaves(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(post(b"12345", b"Content-Length: 10"))
    relay.target.send(b"HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    assert visitor.take() == b"HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    assert (visitor.ended, visitor.closed) == (True, False)
    visitor.send(b"67890")
    visitor.end()
    assert visitor.closed
    assert not visitor.aborted


def test_a_target_that_breaks_after_an_early_response(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(post(b"12345", b"Content-Length: 10"))
    relay.target.send(OK)
    relay.target.reset()
    assert visitor.take() == OK
    assert (visitor.ended, visitor.aborted) == (True, False)


def test_a_target_that_talks_on_after_an_early_response(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(post(b"12345", b"Content-Length: 10"))
    relay.target.send(OK)
    relay.target.send(b"and more, for ever")
    assert relay.target.aborted
    assert visitor.take() == OK
    assert visitor.ended


# Backpressure


def test_a_slow_visitor_slows_the_target(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    visitor.stop_taking()
    relay.target.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (4 * len(BLOCK)))
    for _ in range(4):
        relay.target.send(BLOCK)
    assert relay.target.unread == 3 * len(BLOCK)
    visitor.go_on_taking()
    assert visitor.take().endswith(b"\r\n\r\n" + 4 * BLOCK)
    assert relay.statuses == [200]


def test_a_slow_target_slows_the_visitor(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(post(b"", b"Content-Length: %d" % (5 * len(BLOCK))))
    relay.target.take()
    relay.target.stop_taking()
    for _ in range(5):
        visitor.send(BLOCK)
    # What fills the target's transport, and one read that is held back.
    assert visitor.unread == 2 * len(BLOCK)
    relay.target.go_on_taking()
    assert relay.target.take() == 5 * BLOCK
    relay.target.send(CREATED)
    assert visitor.take() == CREATED


def test_an_upload_waits_for_its_target(relay: Relay, visitor: MemoryTransport) -> None:
    relay.connects = False
    visitor.send(post(b"", b"Content-Length: %d" % (3 * len(BLOCK))))
    for _ in range(3):
        visitor.send(BLOCK)
    assert visitor.unread == 2 * len(BLOCK)
    relay.target.connect()
    assert relay.target.take().endswith(3 * BLOCK)


def test_both_directions_at_once(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(post(b"", b"Content-Length: %d" % (2 * len(BLOCK))))
    relay.target.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * len(BLOCK)))
    visitor.stop_taking()
    relay.target.stop_taking()
    for _ in range(2):
        visitor.send(BLOCK)
        relay.target.send(BLOCK)
    visitor.go_on_taking()
    relay.target.go_on_taking()
    assert relay.target.take().endswith(2 * BLOCK)
    assert visitor.take().endswith(2 * BLOCK)
    assert relay.statuses == [200]


# Somebody leaves


@pytest.mark.parametrize("answered", [False, True])
def test_a_visitor_who_leaves(relay: Relay, visitor: MemoryTransport, answered: bool) -> None:
    visitor.send(GET)
    if answered:
        relay.target.send(OK[:-1])
    visitor.reset()
    assert relay.target.aborted
    assert relay.statuses == [200 if answered else 0]


def test_a_visitor_who_leaves_while_the_target_is_dialled(
    relay: Relay, visitor: MemoryTransport
) -> None:
    relay.connects = False
    visitor.send(GET)
    visitor.reset()
    assert relay.target.given_up
    assert relay.pool.open_connections == 0


def test_a_target_that_is_not_there(relay: Relay, visitor: MemoryTransport) -> None:
    relay.connects = False
    visitor.send(GET)
    relay.target.refuse()
    answer = visitor.take()
    assert status(answer) == 502
    assert b"X-Pgrok-Error: target-down" in answer
    assert b"ConnectionRefusedError" in answer
    assert visitor.open
    assert len(relay.targets) == 1


LEAVE = pytest.mark.parametrize("leave", [MemoryTransport.end, MemoryTransport.reset])
Leave = Callable[[MemoryTransport], None]


@LEAVE
def test_a_target_that_leaves_without_an_answer(
    relay: Relay, visitor: MemoryTransport, leave: Leave
) -> None:
    visitor.send(GET)
    leave(relay.target)
    assert status(visitor.take()) == 502
    assert len(relay.targets) == 1
    assert visitor.open


@LEAVE
@pytest.mark.parametrize("framing", [b"Content-Length: 10", CHUNKED])
def test_a_response_that_is_cut_looks_cut(
    relay: Relay, visitor: MemoryTransport, leave: Leave, framing: bytes
) -> None:
    visitor.send(GET)
    relay.target.send(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n5\r\nhel" % framing)
    leave(relay.target)
    assert visitor.take().endswith(b"hel" if framing != CHUNKED else b"3\r\nhel\r\n")
    assert visitor.aborted
    assert relay.statuses == [200]


def test_a_broken_connection_does_not_end_a_body_well(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(GET)
    relay.target.send(b"HTTP/1.1 200 OK\r\n\r\nhel")
    relay.target.reset()
    assert not visitor.take().endswith(b"0\r\n\r\n")
    assert visitor.aborted


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000,
        b"HTTP/1.1 101 -\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    ],
)
def test_an_answer_that_is_none(relay: Relay, visitor: MemoryTransport, answer: bytes) -> None:
    visitor.send(GET)
    relay.target.send(answer)
    refused = visitor.take()
    assert status(refused) == 502
    assert b"X-Pgrok-Error: bad-response" in refused
    assert relay.target.aborted
    assert visitor.open


def test_broken_chunks_in_an_answer(relay: Relay, visitor: MemoryTransport) -> None:
    visitor.send(GET)
    relay.target.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
    relay.target.send(b"Z\r\n")
    assert visitor.take().endswith(b"2\r\nhi\r\n")
    assert visitor.aborted
    assert relay.target.aborted


# Connections to the target are used again


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


@LEAVE
def test_a_reused_connection_that_was_closing_is_forgiven_once(
    relay: Relay, visitor: MemoryTransport, leave: Leave
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


# Parked requests: the backend answers later


def test_a_request_may_be_forwarded_later(relay: Relay, visitor: MemoryTransport) -> None:
    relay.parks = True
    visitor.send(post(b"hello"))
    assert relay.targets == []
    relay.forward(relay.parked[0])
    assert relay.target.take() == post(b"hello")


def test_a_request_may_be_refused_later(relay: Relay, visitor: MemoryTransport) -> None:
    relay.parks = True
    visitor.send(GET)
    relay.parked[0].refuse(Problem(Code.PARKING_FULL, 503))
    assert status(visitor.take()) == 503
    assert visitor.open
    relay.forward(relay.parked[0])
    assert relay.targets == []


def test_a_parked_visitor_may_leave(relay: Relay, visitor: MemoryTransport) -> None:
    relay.parks = True
    visitor.send(GET)
    visitor.reset()
    relay.forward(relay.parked[0])
    relay.parked[0].refuse(Problem(Code.PARKING_FULL, 503))
    assert relay.targets == []


def test_a_request_is_not_parked_for_ever(relay: Relay, visitor: MemoryTransport) -> None:
    relay.parks = True
    visitor.send(GET)
    relay.advance(122)
    assert status(visitor.take()) == 504


# Going over to WebSocket

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


def test_pages_name_no_exception(relay: Relay, visitor: MemoryTransport) -> None:
    relay.explain = lambda error: Problem(Code.TARGET_DOWN, 502)  # type: ignore[method-assign]
    visitor.send(GET)
    relay.target.reset(OSError("secret"))
    assert b"secret" not in visitor.take()
