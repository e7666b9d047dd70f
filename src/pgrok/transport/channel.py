"""One channel of an SSH connection (RFC 4254 5) as an `asyncio.Transport`.

The connection calls the methods that are named after what arrived; the protocol on top knows
nothing of SSH. Everything happens in callbacks: no task, future or queue belongs to a channel.

A protocol is told `connection_made` when the peer has confirmed the channel, or `connection_lost`
without it when the peer has refused. Here is how data moves; `ending` is how it stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

from pgrok.errors import ChannelRefused, LocalProtocolError, RemoteProtocolError
from pgrok.reading import Lender
from pgrok.transport.ending import EndingChannel
from pgrok.transport.link import Buffer, ChannelLink
from pgrok.transport.window import ReceiveWindow

MIN_PACKET = 1024
"""Octets that a peer must take in one packet: single octets would cost us a packet each."""

TURN = 32 * 1024
"""Octets after which it is the other channels' turn, where the connection does not keep up: on a
slow one they all wait for each other's."""


class TunnelChannel(EndingChannel, Lender):
    """A bidirectional stream inside an SSH connection."""

    __slots__ = ("_send_data", "_unread", "_window", "_writer_paused")

    def __init__(
        self,
        link: ChannelLink,
        protocol: asyncio.Protocol,
        number: int,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(link, protocol, number, extra)
        self._writer_paused = False
        self._unread = False
        """Whether what arrives has to wait behind what did before."""
        self._window = ReceiveWindow()
        # Bound once: the interpreter looks up a method of so large an object anew each time.
        self._send_data = link.send_data

    # What the connection tells; what a peer may not do raises `RemoteProtocolError`.

    @property
    def initial_window(self) -> int:
        """Octets that the peer may send at once, for the message that opens the channel."""
        return self._window.size

    def opened(self, peer_number: int, window: int, max_packet: int) -> None:
        """The channel stands: its number at the peer, and what the peer takes at once."""
        self._require(not self._open, "a second answer to the opening of a channel")
        self._require(max_packet >= MIN_PACKET, f"channel packets of {max_packet} octets at most")
        self.peer_number = peer_number
        self._outbox.window = window
        self._outbox.max_packet = max_packet
        self._open = True
        if self._closing:
            self._send_close()
        else:
            self._tell(self._protocol.connection_made, self)
            self._flush()

    def refused(self, reason: str) -> None:
        """The peer would not open the channel."""
        self._require(not self._open, "a second answer to the opening of a channel")
        self._link.forget(self)
        self._lose(ChannelRefused(f"the other end refused the channel: {reason}"))

    def window_adjusted(self, octets: int) -> None:
        """The peer takes that many octets more."""
        self._require(self._open, "a window for a channel that is not open")
        self._outbox.window += octets
        self._require(self._outbox.window <= 0xFFFFFFFF, "channel window beyond 2^32 - 1 octets")
        if self._outbox:
            self._flush()

    def data_arrived(self, data: bytes | memoryview) -> None:
        """Data from the peer: to the protocol at once, unless it does not read.

        Much of it comes as a view of its packet, which nobody changes; all of ours take either.
        """
        octets = len(data)
        if (not octets or not self._open or self._reader_paused or self._unread) or (
            self._eof_arrived or self._close_arrived or self._closing
        ):
            self._set_aside(data)
            return
        # Most data: somebody reads, and nothing waits before it.
        self._link.octets_received += octets
        due = self._window.pass_on(octets)
        try:
            self._protocol.data_received(data)  # type: ignore[arg-type]
        except Exception as error:
            self._fail(error)
        if due:
            self._grant()

    def data_discarded(self, octets: int) -> None:
        """Data that nobody reads, such as extended data, was counted against the window."""
        self._account(octets)
        self._done_with(octets)

    def resume_sending(self) -> None:
        """The connection takes data again: a turn of this channel, then of the others."""
        self._flush(in_turn=True)

    # What the protocol on top asks: asyncio.Transport.

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that is told of what arrives."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let another protocol be told from now on."""
        self._protocol = cast(asyncio.Protocol, protocol)

    def is_reading(self) -> bool:
        """Whether data is delivered as it arrives."""
        return not (self._reader_paused or self._closing)

    def pause_reading(self) -> None:
        """Deliver no data; the peer may send what its window still allows."""
        if not (self._reader_paused or self._reads_on):
            self._reader_paused = True
            self._window.stall()

    def resume_reading(self) -> None:
        """Deliver what has arrived meanwhile, and what will."""
        if not self._reader_paused:
            return
        self._reader_paused = False
        # Not from within the caller, who may be in the middle of a step of its own.
        if self._inbox or self._has_ended():
            self._link.loop.call_soon(self._deliver_unread)
        else:
            self._grant()

    def write(self, data: Buffer) -> None:
        """Send `data`, now if the window and the connection allow, else as soon as they do."""
        if self._eof_wanted:
            raise LocalProtocolError("write after write_eof")
        if self._closing or self._close_arrived or not data:
            return
        outbox, link, octets = self._outbox, self._link, len(data)
        # Most writes: nothing waits before this one, and it fits into a packet.
        if (self._open and not outbox.size and link.writable) and (
            octets <= outbox.window and octets <= outbox.max_packet
        ):
            outbox.window -= octets
            send_data = self._send_data
            send_data(self.peer_number, data)
            return
        outbox.put(data if _stays_as_it_is(data) else bytes(data))
        self._flush()
        self._pause_writer_if_full()

    def writelines(self, list_of_data: Iterable[Buffer]) -> None:
        """Send the pieces, in as few packets as they fit into."""
        pieces = list(list_of_data)
        self.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def lend(self, _sizehint: int = -1) -> memoryview:
        """Return room for data that `write_lent` is told of, before anybody else is lent any."""
        return self._link.lent

    def write_lent(self, octets: int) -> None:
        """Send what was put at the beginning of that room; what has to wait is copied."""
        link, sent = self._link, 0
        if not (self._outbox or self._eof_wanted or self._closing or self._close_arrived):
            while sent < octets and link.writable and (room := self._outbox.room):
                size = min(octets - sent, room)
                self._outbox.window -= size
                link.send_lent(self.peer_number, sent, size)
                sent += size
        if sent < octets:
            self.write(bytes(link.lent[sent:octets]))

    def get_write_buffer_size(self) -> int:
        """Return the octets that are queued."""
        return self._outbox.size

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and the high water mark."""
        return self._outbox.limits

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the octets at which the writer pauses and goes on."""
        self._outbox.set_limits(high, low)
        self._pause_writer_if_full()

    # Sending

    def _flush(self, *, in_turn: bool = False) -> None:
        """Send what may be sent now, and the end if that was all."""
        if not self._open or self._lost:
            return
        while self._outbox:
            if not self._link.writable:
                self._link.wait_writable(self)
                break
            packet = self._outbox.take(TURN) if in_turn else self._outbox.take()
            if packet is None:
                break
            self._link.send_data(self.peer_number, packet)
            if in_turn and self._outbox:
                self._link.wait_writable(self)
                break
        self._resume_writer_if_drained()
        if not self._outbox:
            self._end_sending()

    def _pause_writer_if_full(self) -> None:
        if self._outbox.is_full and not self._writer_paused:
            self._writer_paused = True
            self._tell(self._protocol.pause_writing)

    def _resume_writer_if_drained(self) -> None:
        if self._writer_paused and self._outbox.is_drained:
            self._writer_paused = False
            self._tell(self._protocol.resume_writing)

    # Receiving

    def _account(self, octets: int) -> None:
        """Count data that arrived against the window."""
        if not self._open or self._has_ended():
            raise RemoteProtocolError("data on a channel that is not open, or after its end")
        self._window.take(octets)
        self._link.octets_received += octets

    def _set_aside(self, data: bytes | memoryview) -> None:
        """Keep data that arrived for a reader who does not read now, if there is one."""
        octets = len(data)
        self._account(octets)
        if self._closing:
            self._done_with(octets)
        elif octets:
            self._unread = True
            self._inbox.put(data)

    def _done_with(self, octets: int) -> None:
        """Make room for as much again as nobody holds any more."""
        if self._window.read(octets):
            self._grant()

    def _grant(self) -> None:
        if self._reader_paused or self._close_sent or self._has_ended():
            return
        if self._open and self._window.is_due():
            octets = self._window.grant(self._link.loop.time(), self._link.shortest_round_trip)
            if octets:
                self._link.send_window_adjust(self.peer_number, octets)

    def _deliver_unread(self) -> None:
        while self._inbox and self.is_reading():
            data = self._inbox.take()
            self._tell(self._protocol.data_received, data)
            self._done_with(len(data))
        self._unread = bool(self._inbox)
        self._tell_end()


def _stays_as_it_is(data: Buffer) -> bool:
    """Whether nobody can change the data while it waits, so that it need not be copied."""
    return isinstance(data, bytes) or (isinstance(data, memoryview) and data.readonly)
