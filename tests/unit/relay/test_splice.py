from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

import pytest

from pgrok.errors import ChannelRefused, ChannelTruncated, ConnectionLost
from pgrok.reading import LARGE_READ
from pgrok.relay.parting import PARTING_SECONDS
from pgrok.relay.splice import Detached, SpliceEnd, splice
from support.manual_loop import ManualLoop, manual_loop
from support.payload import payload
from support.transports import HIGH_WATER, LendingTransport, MemoryTransport

MUCH = b"x" * (HIGH_WATER + 1)


@dataclass
class Pair:
    """A visitor and a target with a splice between them."""

    loop: ManualLoop
    visitor: MemoryTransport
    target: MemoryTransport


def unconnected(
    *, half_close: bool = True, target: type[MemoryTransport] = MemoryTransport
) -> Pair:
    loop = manual_loop()
    one, other = SpliceEnd(), SpliceEnd()
    one.join(other)
    pair = Pair(loop, MemoryTransport(loop, one), target(loop, other, half_close=half_close))
    other.give_up = pair.target.abort
    return pair


@pytest.fixture
def half() -> Pair:
    """The visitor is there, its target is still being connected."""
    pair = unconnected()
    pair.visitor.connect()
    return pair


@pytest.fixture
def pair(half: Pair) -> Pair:
    half.target.connect()
    return half


def test_bytes_go_both_ways(pair: Pair) -> None:
    pair.visitor.send(b"ping")
    assert pair.target.take() == b"ping"
    pair.target.send(b"pong")
    pair.target.send(b"!")
    assert pair.visitor.take() == b"pong!"


def test_a_visitor_may_speak_before_the_target_stands(half: Pair) -> None:
    half.visitor.send(b"hel")
    half.visitor.send(b"lo")
    half.visitor.end()
    half.target.connect()
    assert (half.target.take(), half.target.ended) == (b"hello", True)
    half.target.send(b"answer")
    assert half.visitor.take() == b"answer"


def test_no_more_than_one_read_is_kept_for_a_target_that_is_not_there(half: Pair) -> None:
    for _ in range(100):
        half.visitor.send(MUCH)
    assert half.visitor.unread == 99 * len(MUCH)
    half.target.connect()
    assert len(half.target.take()) == 100 * len(MUCH)


def test_what_was_kept_fills_a_slow_target(half: Pair) -> None:
    half.visitor.send(MUCH)
    half.visitor.send(b"more")
    half.target.stop_taking()
    half.target.connect()
    assert half.visitor.unread == len(b"more")
    half.target.go_on_taking()
    assert half.target.take() == MUCH + b"more"


def test_bulk_for_a_channel_is_read_to_where_it_is_sealed() -> None:
    pair = unconnected(target=LendingTransport)
    pair.visitor.connect()
    pair.target.connect()
    data = payload(10 * LARGE_READ)
    pair.visitor.send(b"little")
    for begin in range(0, len(data), LARGE_READ):
        pair.visitor.send(data[begin : begin + LARGE_READ])
    pair.visitor.send(b"little")
    assert pair.target.take() == b"little" + data + b"little"
    assert cast("LendingTransport", pair.target).lent == 9 * LARGE_READ + len(b"little")
    pair.target.stop_taking()
    for begin in range(0, len(data), LARGE_READ):
        pair.visitor.send(data[begin : begin + LARGE_READ])
    assert pair.visitor.unread
    pair.target.go_on_taking()
    assert pair.target.take() == data
    pair.visitor.end()
    assert pair.target.ended
    pair.target.send(data)
    assert pair.visitor.take() == data
    pair.target.end()
    assert pair.visitor.closed


@pytest.mark.parametrize("direction", [False, True])
def test_a_slow_reader_slows_its_sender(pair: Pair, direction: bool) -> None:
    sender, reader = (pair.target, pair.visitor) if direction else (pair.visitor, pair.target)
    reader.stop_taking()
    for _ in range(10):
        sender.send(MUCH)
    assert sender.unread == 9 * len(MUCH)
    reader.send(b"the other way flows")
    assert sender.take() == b"the other way flows"
    reader.go_on_taking()
    assert (sender.unread, len(reader.take())) == (0, 10 * len(MUCH))


@pytest.mark.parametrize("visitor_first", [True, False])
def test_either_direction_may_end_first(pair: Pair, visitor_first: bool) -> None:
    first, second = (pair.visitor, pair.target) if visitor_first else (pair.target, pair.visitor)
    first.send(b"request")
    first.end()
    assert (second.take(), second.ended, first.open) == (b"request", True, True)
    second.send(b"answer")
    assert first.take() == b"answer"
    second.end()
    assert first.closed
    assert second.closed
    assert not first.aborted
    assert not second.aborted


def test_an_end_waits_for_a_reader_that_is_slow(pair: Pair) -> None:
    pair.target.stop_taking()
    pair.visitor.send(MUCH)
    pair.visitor.send(b"last")
    pair.visitor.end()
    assert not pair.target.ended
    pair.target.go_on_taking()
    assert (pair.target.take(), pair.target.ended) == (MUCH + b"last", True)


def test_a_target_that_closes_closes_its_visitor(pair: Pair) -> None:
    pair.target.send(b"bye")
    pair.visitor.stop_taking()
    pair.target.send(b"!")
    pair.target.reset(ChannelTruncated("closed without an end"))
    assert not pair.visitor.closed
    pair.visitor.go_on_taking()
    assert (pair.visitor.take(), pair.visitor.closed, pair.visitor.aborted) == (
        b"bye!",
        True,
        False,
    )


@pytest.fixture
def left(pair: Pair) -> Pair:
    """The visitor has gone, with something left to be written to the target."""
    pair.target.stop_taking()
    pair.visitor.send(MUCH)
    pair.target.send(MUCH)
    pair.visitor.reset(ChannelTruncated("closed without an end"))
    return pair


def test_who_does_not_read_before_he_has_written_is_read(left: Pair) -> None:
    left.target.send(MUCH)
    assert left.target.unread == 0
    left.target.go_on_taking()
    assert (left.target.take(), left.target.closed, left.target.aborted) == (MUCH, True, False)


def test_who_takes_nothing_of_what_is_left_is_given_up(left: Pair) -> None:
    left.loop.advance(PARTING_SECONDS - 1)
    assert not left.target.closed
    left.loop.advance(1)
    assert (left.target.closed, left.target.aborted) == (True, True)
    assert not left.loop.has_timers


def test_who_takes_a_little_of_it_is_not(left: Pair) -> None:
    for _ in range(5):
        left.loop.advance(PARTING_SECONDS - 1)
        left.target.take_some(1)
    assert not left.target.closed
    left.target.go_on_taking()
    assert (left.target.closed, left.target.aborted) == (True, False)
    assert not left.loop.has_timers


def test_who_has_ended_and_takes_nothing_of_the_rest_is_given_up(pair: Pair) -> None:
    pair.target.stop_taking()
    pair.visitor.send(MUCH)
    pair.target.end()
    pair.visitor.reset(ChannelTruncated("closed without an end"))
    pair.loop.advance(PARTING_SECONDS)
    assert (pair.target.closed, pair.target.aborted) == (True, True)


def test_both_have_ended_and_one_takes_nothing_of_the_rest(pair: Pair) -> None:
    pair.visitor.stop_taking()
    pair.target.send(b"answer")
    pair.target.end()
    pair.visitor.end()
    pair.loop.advance(PARTING_SECONDS - 1)
    assert not pair.visitor.closed
    pair.loop.advance(1)
    assert (pair.visitor.closed, pair.visitor.aborted, pair.target.closed) == (True, True, True)


def test_who_goes_meanwhile_is_gone(left: Pair) -> None:
    left.target.reset()
    assert left.target.closed
    assert not left.loop.has_timers


def test_who_ends_meanwhile_can_still_read(left: Pair) -> None:
    left.target.end()
    assert not left.target.closed
    left.target.go_on_taking()
    assert (left.target.take(), left.target.closed) == (MUCH, True)


@pytest.mark.parametrize("error", [ConnectionResetError(), ConnectionLost("no SSH any more")])
def test_a_broken_connection_breaks_the_other(pair: Pair, error: Exception) -> None:
    pair.visitor.stop_taking()
    pair.target.send(b"not all of it")
    pair.target.reset(error)
    assert pair.visitor.aborted


@pytest.mark.parametrize(
    ("error", "aborted"), [(ConnectionRefusedError(), True), (ChannelRefused("no"), False)]
)
def test_a_target_that_cannot_be_reached(half: Pair, error: Exception, aborted: bool) -> None:
    half.visitor.send(b"hello?")
    half.target.refuse(error)
    assert half.visitor.closed
    assert half.visitor.aborted is aborted


def test_a_visitor_that_leaves_first_ends_the_attempt(half: Pair) -> None:
    half.visitor.reset()
    assert half.target.given_up


def test_an_attempt_that_succeeds_too_late(half: Pair) -> None:
    half.visitor.send(b"hello")
    half.visitor.end()
    half.visitor.reset()
    late = MemoryTransport(half.loop, cast(asyncio.Protocol, half.target.get_protocol()))
    late.connect()
    assert late.aborted


# TLS has no half-open state.


@pytest.fixture
def tls() -> Pair:
    pair = unconnected(half_close=False)
    pair.visitor.connect()
    pair.target.connect()
    return pair


def test_a_tls_target_is_closed_where_another_would_be_half_closed(tls: Pair) -> None:
    tls.visitor.send(b"request")
    tls.visitor.end()
    assert (tls.target.take(), tls.target.closed, tls.visitor.closed) == (b"request", True, True)


def test_a_tls_target_that_ends_is_gone(tls: Pair) -> None:
    tls.target.send(b"answer")
    tls.target.end()
    assert (tls.visitor.take(), tls.visitor.closed, tls.visitor.aborted) == (b"answer", True, False)


def test_a_visitor_that_ended_before_its_tls_target_stood() -> None:
    pair = unconnected(half_close=False)
    pair.visitor.connect()
    pair.visitor.send(b"request")
    pair.visitor.end()
    pair.target.connect()
    assert (pair.target.take(), pair.target.closed) == (b"request", True)


# After a 101


class Leaving:
    """Two transports that stand, under protocols that are done with them."""

    def __init__(self) -> None:
        self.loop = manual_loop()
        self.visitor, self.target = self._stand(), self._stand()

    def _stand(self) -> MemoryTransport:
        transport = MemoryTransport(self.loop, asyncio.Protocol())
        transport.connect()
        transport.pause_reading()
        return transport


@pytest.fixture
def leaving() -> Leaving:
    return Leaving()


def test_what_was_read_already_goes_first(leaving: Leaving) -> None:
    leaving.visitor.send(b"B")  # read by nobody yet
    splice(Detached(leaving.visitor, b"A"), Detached(leaving.target, b"1"))
    leaving.loop.run()
    leaving.target.send(b"2")
    assert leaving.target.take() == b"AB"
    assert leaving.visitor.take() == b"12"


def test_who_was_full_is_still(leaving: Leaving) -> None:
    leaving.visitor.stop_taking()
    leaving.visitor.write(MUCH)
    splice(Detached(leaving.visitor, full=True), Detached(leaving.target))
    leaving.target.send(b"answer")
    assert leaving.target.unread == len(b"answer")
    leaving.visitor.go_on_taking()
    assert leaving.visitor.take() == MUCH + b"answer"


def test_who_had_ended_has_ended(leaving: Leaving) -> None:
    splice(Detached(leaving.visitor, b"last", ended=True), Detached(leaving.target))
    leaving.loop.run()
    assert (leaving.target.take(), leaving.target.ended) == (b"last", True)
    leaving.target.send(b"answer")
    leaving.target.end()
    assert leaving.visitor.take() == b"answer"
    assert leaving.visitor.closed
    assert leaving.target.closed
