"""Two channels back to back, on a connection that delivers late, stops taking data, and breaks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from pgrok.errors import ChannelTruncated, ConnectionLost
from pgrok.transport.channel import MIN_PACKET, TunnelChannel
from pgrok.transport.link import Buffer, Channel
from pgrok.transport.ssh.rooms import LENT
from pgrok.transport.window import INITIAL_WINDOW, MAX_WINDOW
from support.manual_loop import ManualLoop, manual_loop

SIDES = st.sampled_from([0, 1])


def numbered(start: int, length: int) -> bytes:
    """Return bytes of a stream of which any 4 KiB tell where they are from."""
    first, last = start // 4, (start + length) // 4 + 1
    stream = b"".join(number.to_bytes(4, "big") for number in range(first, last))
    return stream[start % 4 : start % 4 + length]


class End:
    """One end: a channel, its protocol, and its half of the connection."""

    def __init__(self, loop: ManualLoop, number: int) -> None:
        self.loop = loop
        self.shortest_round_trip = 0.1
        self.octets_received = 0
        self.writable = True
        self.waiting: dict[Channel, None] = {}
        self.channel = TunnelChannel(self, cast(asyncio.Protocol, self), number)
        self.peer: End | None = None
        self.wire: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self.written = self.received = self.unacknowledged = 0
        self.paused = False
        self.made = self.eof_seen = self.lost = self.forgotten = False
        self.eof_written = self.closed = self.aborted = False
        self.error: Exception | None = None
        self.lent = memoryview(bytearray(LENT))

    # ChannelLink: what is sent waits on the wire until it is delivered.

    def wait_writable(self, channel: Channel) -> None:
        self.waiting[channel] = None

    def send_data(self, channel: int, data: Buffer) -> None:
        assert self.peer
        self.unacknowledged += len(data)
        self.wire.append((self.peer.channel.data_arrived, (bytes(data),)))

    def send_lent(self, channel: int, begin: int, octets: int) -> None:
        self.send_data(channel, self.lent[begin : begin + octets])
        self.lent[: begin + octets] = b"\xaa" * (begin + octets)

    def send_window_adjust(self, channel: int, octets: int) -> None:
        assert self.peer
        self.wire.append((self.peer.adjusted, (octets,)))

    def adjusted(self, octets: int) -> None:
        self.unacknowledged -= octets
        self.channel.window_adjusted(octets)

    def send_eof(self, channel: int) -> None:
        assert self.peer
        self.wire.append((self.peer.channel.eof_arrived, ()))

    def send_close(self, channel: int) -> None:
        assert self.peer
        self.wire.append((self.peer.channel.close_arrived, ()))

    def forget(self, channel: Channel) -> None:
        self.forgotten = True

    def deliver(self, messages: int) -> None:
        for _ in range(min(messages, len(self.wire))):
            message, arguments = self.wire.popleft()
            message(*arguments)

    # asyncio.Protocol

    def connection_made(self, _transport: asyncio.BaseTransport) -> None:
        assert not self.made
        assert not self.lost
        self.made = True

    def data_received(self, data: bytes) -> None:
        assert self.made
        assert data
        assert not self.eof_seen
        assert not self.lost
        assert not self.paused
        assert data == numbered(self.received, len(data)), "not the byte that came next"
        self.received += len(data)

    def eof_received(self) -> bool:
        assert self.peer
        assert self.made
        assert not self.eof_seen
        assert not self.lost
        assert self.received == self.peer.written, "the end came before the last byte"
        self.eof_seen = True
        return True

    def connection_lost(self, error: Exception | None) -> None:
        assert not self.lost, "lost twice"
        self.lost = True
        self.error = error

    def pause_writing(self) -> None:
        assert not self.lost

    def resume_writing(self) -> None:
        assert not self.lost


class Pair(RuleBasedStateMachine):
    """What holds whatever the two protocols and the connection do."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = manual_loop()
        self.ends = (End(self.loop, 0), End(self.loop, 1))
        for end, peer in (self.ends, self.ends[::-1]):
            end.peer = peer
        self.cut = False
        self.steps_before_an_end = 0

    @initialize(
        packets=st.tuples(*[st.integers(MIN_PACKET, 1 << 20)] * 2),
        steps_before_an_end=st.integers(0, 60),
    )
    def open(self, packets: tuple[int, int], steps_before_an_end: int) -> None:
        self.steps_before_an_end = steps_before_an_end
        for end, packet in zip(self.ends, packets, strict=True):
            end.channel.opened(9, INITIAL_WINDOW, packet)

    @rule(side=SIDES, length=st.integers(1, 3 * INITIAL_WINDOW))
    def write(self, side: int, length: int) -> None:
        end = self.ends[side]
        if end.eof_written or end.channel.is_closing():
            return
        end.channel.write(numbered(end.written, length))
        end.written += length

    @rule(side=SIDES, length=st.integers(1, LENT))
    def write_lent(self, side: int, length: int) -> None:
        end = self.ends[side]
        if end.eof_written or end.channel.is_closing():
            return
        room = end.channel.lend()
        room[:length] = numbered(end.written, length)
        end.channel.write_lent(length)
        room[:] = b"\xaa" * len(room)
        end.written += length

    @precondition(lambda self: self.steps_before_an_end < 0)
    @rule(side=SIDES)
    def write_eof(self, side: int) -> None:
        end = self.ends[side]
        end.eof_written = True
        end.channel.write_eof()

    @rule(side=SIDES)
    def pause(self, side: int) -> None:
        self.ends[side].paused = True
        self.ends[side].channel.pause_reading()

    @rule(side=SIDES)
    def resume(self, side: int) -> None:
        self.ends[side].paused = False
        self.ends[side].channel.resume_reading()

    @rule(side=SIDES, messages=st.integers(1, 20))
    def deliver(self, side: int, messages: int) -> None:
        self.ends[side].deliver(messages)

    @rule(side=SIDES)
    def fill_connection(self, side: int) -> None:
        self.ends[side].writable = False

    @rule(side=SIDES)
    def drain_connection(self, side: int) -> None:
        end = self.ends[side]
        end.writable = True
        while end.waiting:
            channel, _ = end.waiting.popitem()
            channel.resume_sending()

    @rule(seconds=st.floats(0, 0.2))
    def time_passes(self, seconds: float) -> None:
        self.loop.advance(seconds)

    @precondition(lambda self: self.steps_before_an_end < 0)
    @rule(side=SIDES)
    def close(self, side: int) -> None:
        end = self.ends[side]
        end.closed = end.eof_written = True
        end.channel.close()

    @precondition(lambda self: self.steps_before_an_end < 0)
    @rule(side=SIDES)
    def abort(self, side: int) -> None:
        end = self.ends[side]
        end.aborted = end.eof_written = True
        end.channel.abort()

    @precondition(lambda self: self.steps_before_an_end < 0 and not self.cut)
    @rule()
    def cut_connection(self) -> None:
        self.cut = True
        for end in self.ends:
            end.wire.clear()
            end.waiting.clear()
        for end in self.ends:
            end.channel.link_lost()

    @invariant()
    def no_more_in_flight_than_the_window(self) -> None:
        for end in self.ends:
            assert end.unacknowledged <= MAX_WINDOW

    @invariant()
    def a_step_was_taken(self) -> None:
        self.steps_before_an_end -= 1

    @invariant()
    def nothing_failed(self) -> None:
        assert not self.loop.failures, self.loop.failures[0]

    def teardown(self) -> None:
        """Let everything run out: then nothing may be missing, and nobody may be left waiting."""
        for side in (0, 1):
            self.resume(side)
            self.drain_connection(side)
        self.loop.run()
        while any(end.wire for end in self.ends):
            for side in (0, 1):
                self.deliver(side, 1)
                self.loop.run()
        assert not self.loop.failures, self.loop.failures[0]
        for end, peer in (self.ends, self.ends[::-1]):
            self.check(end, peer)

    def check(self, end: End, peer: End) -> None:
        stopped = end.closed or end.aborted or peer.closed or peer.aborted
        if self.cut:
            assert end.lost
        elif not stopped:
            assert not end.lost
            assert end.received == peer.written, "bytes are missing"
            assert end.eof_seen == peer.eof_written
        else:
            assert end.lost
            assert end.forgotten, "the number of the channel was never released"
        ours = end.closed or end.aborted
        if end.lost and not ours and not end.eof_seen:
            assert isinstance(end.error, ConnectionLost | ChannelTruncated)
        if peer.closed and not (self.cut or ours or peer.aborted):
            assert end.received == peer.written


Pair.TestCase.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
TestPair = Pair.TestCase
