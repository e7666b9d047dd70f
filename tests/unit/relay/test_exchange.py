"""One request and its response, from the visitor to the target and back."""

from __future__ import annotations

import pytest

from pgrok.http.pages import Code, Problem
from support.relay import CREATED, GET, OK, Relay, get, post, status
from support.transports import HIGH_WATER, MemoryTransport

BLOCK = b"x" * HIGH_WATER
CHUNKED = b"Transfer-Encoding: chunked"


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


def test_cookies_for_the_hosts_above_are_left_out(relay: Relay, visitor: MemoryTransport) -> None:
    relay.host = "bob.example.com"
    visitor.send(GET)
    cookies = b"Set-Cookie: a=b\r\nSet-Cookie: c=d; Domain=example.com\r\n"
    relay.target.send(OK.replace(b"\r\n\r\n", b"\r\n" + cookies + b"\r\n"))
    assert b"Set-Cookie: a=b\r\nContent-Length" in visitor.take()


def test_so_are_those_of_interim_responses(relay: Relay, visitor: MemoryTransport) -> None:
    relay.host = "bob.example.com"
    own, foreign = b"Set-Cookie: a=b\r\n", b"Set-Cookie: a=b; Domain=example.com\r\n"
    hints = b"HTTP/1.1 103 Early Hints\r\n"
    visitor.send(GET)
    relay.target.send(hints + own + foreign + b"\r\n")
    assert visitor.take() == hints + own + b"\r\n"


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
    # What fills the target's transport.
    assert visitor.unread == 3 * len(BLOCK)
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
