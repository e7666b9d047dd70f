"""A visitor or a target that leaves, and targets that do not speak HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pgrok.http.pages import Code, Problem
from pgrok.relay.answer import MAX_INTERIM
from support.relay import GET, OK, Relay, status
from support.transports import MemoryTransport

CHUNKED = b"Transfer-Encoding: chunked"
SWITCH = b"HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


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
        SWITCH,
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


def test_pages_name_no_exception(relay: Relay, visitor: MemoryTransport) -> None:
    relay.explain = lambda error: Problem(Code.TARGET_DOWN, 502)  # type: ignore[method-assign]
    visitor.send(GET)
    relay.target.reset(OSError("secret"))
    assert b"secret" not in visitor.take()


def test_interim_responses_without_an_end(relay: Relay, visitor: MemoryTransport) -> None:
    hint = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    visitor.send(GET)
    for _ in range(MAX_INTERIM):
        relay.target.send(hint)
    assert visitor.take() == hint * MAX_INTERIM
    relay.target.send(hint)
    assert status(visitor.take()) == 502
    assert relay.target.aborted


def test_an_old_visitor_is_not_kept_waiting_by_them_either(
    relay: Relay, visitor: MemoryTransport
) -> None:
    visitor.send(GET.replace(b"HTTP/1.1", b"HTTP/1.0"))
    relay.target.send(b"HTTP/1.1 102 Processing\r\n\r\n" * (MAX_INTERIM + 1))
    assert status(visitor.take()) == 502
