"""One visitor's connection: request after request, and how it ends."""

from __future__ import annotations

from typing import cast

import pytest

from pgrok.http.head import FROM_OTHER_END
from pgrok.http.pages import Code, Problem
from pgrok.relay.downstream import MAX_READ_AHEAD, DownstreamConnection
from pgrok.relay.exchange import Exchange
from pgrok.transport.channel import TunnelChannel
from pgrok.transport.window import MAX_PACKET
from support.channels import NotingLink
from support.heads import REFUSED_HEADS, TOO_MANY_LINES, TOO_MANY_OCTETS, Refused
from support.relay import CREATED, GET, OK, TIMEOUTS, Relay, get, post, status
from support.transports import HIGH_WATER, MemoryTransport

CHUNKED = b"Transfer-Encoding: chunked"


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


def test_a_head_may_be_more_than_is_read_ahead(relay: Relay) -> None:
    reader = DownstreamConnection(relay, relay.deadlines, TIMEOUTS, FROM_OTHER_END)
    channel = MemoryTransport(relay.loop, reader)
    channel.connect()
    head = get(b"/", b"X: " + b"y" * (FROM_OTHER_END.octets - len(get(b"/", b"X: "))))
    assert len(head) > MAX_READ_AHEAD
    channel.send(head[:-1])
    channel.send(head[-1:])
    assert relay.target.take() == head


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
    relay.advance(250)
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


def test_a_channel_that_closes_while_its_upload_waits_leaves_nothing_behind(relay: Relay) -> None:
    link = NotingLink()
    channel = TunnelChannel(link, DownstreamConnection(relay, relay.deadlines, TIMEOUTS), 3)
    channel.opened(7, 1 << 20, 1 << 15)
    link.run()
    upload = post(bytes(512 * 1024))
    channel.data_arrived(upload[:MAX_PACKET])
    relay.target.stop_taking()
    for begin in (MAX_PACKET, 2 * MAX_PACKET):
        relay.loop.run()
        channel.data_arrived(upload[begin : begin + MAX_PACKET])
    channel.close_arrived()
    link.run()
    assert not relay.target.closed  # nobody reads the channel, and so nobody knows
    relay.target.go_on_taking()
    link.run()
    assert relay.target.aborted
    assert relay.statuses == [0]
