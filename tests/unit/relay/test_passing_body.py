"""Large uploads, whose rest goes past the reader of their message."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgrok.reading import LARGE_READ
from pgrok.relay import downstream, passing_body
from support.payload import payload
from support.relay import CREATED, GET, OK, TIMEOUTS, Relay, get, post, status
from support.transports import LendingTransport, MemoryTransport

BODY = payload(5 * LARGE_READ)
UPLOAD = post(BODY)
BLOCK = 2 * LARGE_READ

LENDS = pytest.mark.parametrize("lends", [True, False])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have bodies pass that are not large at all."""
    monkeypatch.setattr(downstream, "LARGE_READ", 1)
    monkeypatch.setattr(passing_body, "LARGE_READ", 1)


def begun(relay: Relay, *, lends: bool) -> MemoryTransport:
    """Return a visitor who has sent the first block of the upload."""
    relay.lends = lends
    visitor = relay.visitor()
    visitor.send(UPLOAD[:BLOCK])
    assert relay.target.take() == UPLOAD[:BLOCK]
    visitor.send(UPLOAD[BLOCK : BLOCK + LARGE_READ])
    assert relay.target.take() == UPLOAD[BLOCK : BLOCK + LARGE_READ]
    assert visitor.get_protocol().__class__ is not downstream.DownstreamConnection
    return visitor


def looks_again(visitor: MemoryTransport) -> bool:
    return isinstance(visitor.get_protocol(), downstream.DownstreamConnection)


@LENDS
def test_a_large_upload(relay: Relay, lends: bool) -> None:
    visitor = begun(relay, lends=lends)
    visitor.send(UPLOAD[BLOCK + LARGE_READ :])
    assert relay.target.take() == UPLOAD[BLOCK + LARGE_READ :]
    assert isinstance(relay.target, LendingTransport) == lends
    if isinstance(relay.target, LendingTransport):
        assert relay.target.lent == len(UPLOAD) - BLOCK - LARGE_READ
    assert looks_again(visitor)
    relay.target.send(CREATED)
    assert visitor.take() == CREATED
    assert relay.statuses == [201]
    visitor.send(GET)
    assert relay.target.take() == GET


@LENDS
def test_what_follows_it_is_a_request_of_its_own(relay: Relay, lends: bool) -> None:
    visitor = begun(relay, lends=lends)
    visitor.send(UPLOAD[BLOCK + LARGE_READ :] + get(b"/next"))
    assert relay.target.take() == UPLOAD[BLOCK + LARGE_READ :]
    relay.target.send(CREATED)
    assert relay.target.take() == get(b"/next")
    relay.target.send(OK)
    assert visitor.take() == CREATED + OK


@LENDS
def test_a_slow_target_slows_its_visitor(relay: Relay, lends: bool) -> None:
    visitor = begun(relay, lends=lends)
    relay.target.stop_taking()
    for begin in range(BLOCK + LARGE_READ, len(UPLOAD), LARGE_READ):
        visitor.send(UPLOAD[begin : begin + LARGE_READ])
    assert visitor.unread
    relay.target.go_on_taking()
    assert relay.target.take() == UPLOAD[BLOCK + LARGE_READ :]
    assert looks_again(visitor)


@LENDS
def test_an_answer_before_its_end_ends_it(relay: Relay, lends: bool) -> None:
    visitor = begun(relay, lends=lends)
    refusal = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    relay.target.send(refusal)
    assert status(visitor.take()) == 413
    assert looks_again(visitor)
    visitor.send(UPLOAD[BLOCK + LARGE_READ :])
    assert visitor.ended
    assert relay.target.aborted


@LENDS
def test_an_answer_that_waits_for_the_end(relay: Relay, lends: bool) -> None:
    visitor = begun(relay, lends=lends)
    relay.target.send(CREATED)
    visitor.send(UPLOAD[BLOCK + LARGE_READ :])
    assert relay.target.take() == UPLOAD[BLOCK + LARGE_READ :]
    assert visitor.take() == CREATED
    assert visitor.open
    assert relay.target.open


@LENDS
def test_a_target_that_goes_away(relay: Relay, lends: bool) -> None:
    visitor = begun(relay, lends=lends)
    relay.target.reset()
    assert status(visitor.take()) == 502
    assert looks_again(visitor)
    visitor.send(UPLOAD[BLOCK + LARGE_READ :])


@LENDS
def test_a_visitor_who_goes_away(relay: Relay, lends: bool) -> None:
    visitor = begun(relay, lends=lends)
    visitor.reset()
    assert relay.target.aborted
    assert relay.statuses == [0]


@LENDS
def test_a_visitor_who_ends_too_early(relay: Relay, lends: bool) -> None:
    visitor = begun(relay, lends=lends)
    visitor.end()
    assert status(visitor.take()) == 400
    assert relay.target.aborted


@LENDS
def test_a_visitor_has_time_after_each_part(relay: Relay, lends: bool) -> None:
    visitor = begun(relay, lends=lends)
    for octet in range(5):
        relay.advance(TIMEOUTS.body - 1)
        visitor.send(UPLOAD[BLOCK + LARGE_READ + octet :][:1])
    assert visitor.take() == b""
    relay.advance(TIMEOUTS.body + 1)
    assert status(visitor.take()) == 408


def test_a_body_that_may_not_come_is_looked_at_first(relay: Relay) -> None:
    relay.lends = True
    visitor = relay.visitor()
    first = post(BODY[:BLOCK])
    visitor.send(first[:1_000])
    relay.target.send(OK)  # before the upload is over
    head = post(b"", b"Content-Length: %d" % len(BODY), b"Expect: 100-continue")
    visitor.send(first[1_000:] + head)
    assert visitor.take() == OK
    assert relay.target.take().startswith(first)
    visitor.send(BODY[:BLOCK])
    relay.advance(TIMEOUTS.body + 1)
    assert status(visitor.take()) == 408, "it is the visitor who did not go on"


def test_chunks_are_looked_at(relay: Relay) -> None:
    relay.lends = True
    visitor = relay.visitor()
    visitor.send(post(b"", b"Transfer-Encoding: chunked") + b"%x\r\n" % len(BODY) + BODY[:BLOCK])
    visitor.send(BODY[BLOCK : 2 * BLOCK])
    assert looks_again(visitor)


CUTS = st.lists(st.integers(0, 400), max_size=12)


@pytest.mark.usefixtures("small")
@given(
    bodies=st.lists(st.integers(0, 100), min_size=1, max_size=4),
    cuts=CUTS,
    slow=st.lists(st.integers(1, 40), max_size=6),
    lends=st.booleans(),
)
def test_uploads_arrive_as_they_were_sent(
    bodies: Sequence[int], cuts: Sequence[int], slow: Sequence[int], lends: bool
) -> None:
    relay = Relay()
    relay.lends = lends
    uploads = [post(random.Random(length).randbytes(length)) for length in bodies]
    visitor, sent = relay.visitor(), b"".join(uploads)
    edges = [0, *sorted(cut for cut in cuts if cut < len(sent)), len(sent)]
    patience = iter(slow)
    arrived = b""
    for begin, end in pairwise(edges):
        if begin < end:
            visitor.send(sent[begin:end])
        if relay.targets and next(patience, 0) % 2:
            relay.target.stop_taking()
    for upload in uploads:
        relay.target.go_on_taking()
        arrived += relay.target.take()
        assert arrived == upload
        arrived = b""
        relay.target.send(CREATED)
    assert visitor.take() == len(uploads) * CREATED
    assert relay.statuses == [201] * len(uploads)
    assert looks_again(visitor)
