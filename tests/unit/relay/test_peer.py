"""The other end of a connection, without the requests that come from it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pgrok.relay.deadlines import Deadlines
from pgrok.relay.peer import FIRST_REQUEST_SECONDS, Peer
from support.channels import Noting
from support.manual_loop import manual_loop
from support.relay import TIMEOUTS
from support.transports import HIGH_WATER, MemoryTransport


class Watched:
    """A peer, its transport, and what was called of it."""

    def __init__(self, *, half_close: bool = True) -> None:
        self.loop = manual_loop()
        self.calls: list[str] = []
        self.transport = MemoryTransport(self.loop, Noting(), half_close=half_close)
        self.transport.connect()
        self.peer = Peer(
            Deadlines(self.loop),
            TIMEOUTS,
            time_is_up=lambda: self.calls.append("time is up"),
            stalled=lambda: self.calls.append("stalled"),
        )
        self.peer.transport = self.transport


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        (Peer.wait_for_first, FIRST_REQUEST_SECONDS),
        (Peer.wait_for_head, TIMEOUTS.head),
        (Peer.linger, TIMEOUTS.linger),
    ],
)
def test_it_is_waited_for_so_long(
    watched: Watched, wait: Callable[[Peer], None], seconds: float
) -> None:
    wait(watched.peer)
    watched.loop.advance(seconds - 0.1)
    assert watched.calls == []
    watched.loop.advance(1.2)
    assert watched.calls == ["time is up"]


def test_what_it_sends_is_left_where_it_is_and_read_again(watched: Watched) -> None:
    watched.peer.read(False)
    assert (watched.peer.reading, watched.transport.is_reading()) == (False, False)
    watched.peer.read(True)
    assert (watched.peer.reading, watched.transport.is_reading()) == (True, True)


def test_reading_does_not_stop_where_only_the_end_is_waited_for(watched: Watched) -> None:
    watched.transport.close()
    watched.peer.read(False)
    assert watched.peer.reading


def test_after_its_end_there_is_nothing_to_read(watched: Watched) -> None:
    watched.peer.read(False)
    watched.peer.end()
    watched.peer.read(True)
    assert not watched.transport.is_reading()


def test_who_takes_again_what_is_written_has_not_stalled(watched: Watched) -> None:
    watched.transport.stop_taking()
    watched.transport.write(bytes(HIGH_WATER))
    watched.peer.pause_writing()
    watched.loop.advance(TIMEOUTS.stalled - 1)
    watched.peer.resume_writing()
    watched.loop.advance(TIMEOUTS.stalled)
    assert watched.calls == []


def test_a_last_answer_that_is_not_taken_stalls_too(watched: Watched) -> None:
    watched.transport.stop_taking()
    watched.transport.write(b"answer")
    watched.peer.close()
    assert not watched.transport.closed
    watched.loop.advance(TIMEOUTS.stalled + 2)
    assert watched.calls == ["stalled"]


def test_lingering_reads_on_though_reading_had_stopped(watched: Watched) -> None:
    watched.peer.read(False)
    watched.peer.linger()
    assert watched.transport.ended
    watched.peer.read(False)
    assert watched.transport.is_reading()


def test_without_an_end_of_one_direction_it_is_closed_at_once() -> None:
    watched = Watched(half_close=False)
    watched.peer.linger()
    watched.loop.run()
    assert watched.transport.closed


def test_who_has_ended_is_not_lingered_for(watched: Watched) -> None:
    watched.peer.end()
    watched.peer.linger()
    watched.loop.run()
    assert watched.transport.closed


def test_who_is_handed_over_is_watched_no_more(watched: Watched) -> None:
    watched.peer.wait_for_head()
    watched.transport.stop_taking()
    watched.peer.pause_writing()
    watched.peer.end()
    detached = watched.peer.detach(b"unread")
    assert (detached.transport, detached.unread) == (watched.transport, b"unread")
    assert (detached.ended, detached.full) == (True, True)
    watched.loop.advance(1)
    assert not watched.loop.has_timers
