"""One channel of an SSH connection (RFC 4254 5) as an `asyncio.Transport`.

The connection calls the methods that are named after what arrived; the protocol on top knows
nothing of SSH. Everything happens in callbacks: no task, future or queue belongs to a channel.

A protocol is told `connection_made` when the peer has confirmed the channel, or `connection_lost`
without it when the peer has refused. A channel closes in two steps, as sockets do: `write_eof` ends
our direction, `close` ends both after what is queued has gone out; `abort` sends CLOSE without EOF,
which tells the peer that data is missing. An exception of the protocol costs it its own channel,
and no other one of the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from pgrok.errors import (
    ChannelRefused,
    ChannelTruncated,
    ConnectionLost,
    LocalProtocolError,
    RemoteProtocolError,
)
from pgrok.transport.buffers import Inbox, Outbox
from pgrok.transport.link import Buffer, ChannelLink
from pgrok.transport.window import ReceiveWindow

MIN_PACKET = 1024
"""Octets that a peer must take in one packet: single octets would cost us a packet each."""

T = TypeVar("T")


class TunnelChannel(asyncio.Transport):
    """A bidirectional stream inside an SSH connection."""

    def __init__(
        self,
        link: ChannelLink,
        protocol: asyncio.Protocol,
        number: int,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(extra)
        self.number = number
        self._link = link
        self._protocol = protocol
        self.peer_number = 0
        self._open = False
        # Sending
        self._outbox = Outbox()
        self._writer_paused = False
        self._eof_wanted = False
        self._eof_sent = False
        self._closing = False
        self._close_sent = False
        # Receiving
        self._window = ReceiveWindow()
        self._inbox = Inbox()
        self._reader_paused = False
        self._eof_arrived = False
        self._eof_told = False
        self._close_arrived = False
        self._lost = False

    # What the connection tells. All but `link_lost` raise `RemoteProtocolError` for what a peer
    # may not do.

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

    def data_arrived(self, data: bytes) -> None:
        """Data from the peer: to the protocol at once, unless it does not read."""
        self._account(len(data))
        if self._closing:
            self._done_with(len(data))
        elif not data:
            return
        elif self._reader_paused or self._inbox:
            self._inbox.put(data)
        else:
            self._deliver(data)

    def data_discarded(self, octets: int) -> None:
        """Data that nobody reads, such as extended data, was counted against the window."""
        self._account(octets)
        self._done_with(octets)

    def eof_arrived(self) -> None:
        """The peer will send no more data."""
        self._require(self._open, "the end of a channel that is not open")
        self._require(not self._has_ended(), "a second end of channel data")
        self._eof_arrived = True
        self._tell_end()

    def close_arrived(self) -> None:
        """The peer is done with the channel in both directions."""
        self._require(self._open, "the close of a channel that is not open")
        self._require(not self._close_arrived, "a second close of a channel")
        self._close_arrived = True
        self._outbox.clear()
        self._send_close()
        self._tell_end()

    def link_lost(self) -> None:
        """The connection is gone; what came of a channel that the peer has closed can be read."""
        self._close_sent = True
        if not self._close_arrived:
            self._close_arrived = True
            self._inbox.clear()
            self._lose(ConnectionLost("the SSH connection was lost under its channels"))

    def resume_sending(self) -> None:
        """The connection takes data again."""
        self._flush()

    # What the protocol on top asks: asyncio.Transport.

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that is told of what arrives."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let another protocol be told from now on."""
        self._protocol = cast(asyncio.Protocol, protocol)

    def is_closing(self) -> bool:
        """Whether the channel is closed or about to be, by either end."""
        return self._closing or self._close_arrived

    def is_reading(self) -> bool:
        """Whether data is delivered as it arrives."""
        return not (self._reader_paused or self._closing)

    def pause_reading(self) -> None:
        """Deliver no data; the peer may send what its window still allows."""
        if not self._reader_paused:
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
        outbox, link = self._outbox, self._link
        # Most writes: nothing waits before this one, and it fits into a packet.
        if self._open and outbox.can_pass(len(data)) and link.is_writable():
            outbox.window -= len(data)
            link.send_data(self.peer_number, data)
            return
        outbox.put(data if isinstance(data, bytes) else bytes(data))
        self._flush()
        self._pause_writer_if_full()

    def writelines(self, list_of_data: Iterable[Buffer]) -> None:
        """Send the pieces, in as few packets as they fit into."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """Whether one direction can end before the other: yes."""
        return True

    def write_eof(self) -> None:
        """End our direction after what is queued."""
        if not (self._eof_wanted or self._closing):
            self._eof_wanted = True
            self._flush()

    def close(self) -> None:
        """End both directions after what is queued has been sent; deliver nothing more."""
        if not self._open:
            self.abort()
        elif not self._closing:
            self._closing = True
            self._reader_paused = False
            self._flush()
            # The peer may not read before it has written, and we have something queued.
            self._done_with(self._inbox.clear())

    def abort(self) -> None:
        """End both directions at once; what is queued is lost, and the peer can tell."""
        if not self._lost:
            self._inbox.clear()
            self._lose(None)
            self._send_close()

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

    def _flush(self) -> None:
        """Send what may be sent now, and the end if that was all."""
        if not self._open or self._lost:
            return
        while self._outbox:
            if not self._link.is_writable():
                self._link.wait_writable(self)
                break
            packet = self._outbox.take()
            if packet is None:
                break
            self._link.send_data(self.peer_number, packet)
        self._resume_writer_if_drained()
        if not self._outbox:
            self._end_sending()

    def _end_sending(self) -> None:
        if self._eof_wanted or self._closing:
            self._send_eof()
        if self._closing:
            self._send_close()
            self._lose(None)

    def _send_eof(self) -> None:
        if not (self._eof_sent or self._close_sent):
            self._eof_sent = True
            self._link.send_eof(self.peer_number)

    def _send_close(self) -> None:
        """Send CLOSE once; before the channel stands it has to wait for the peer's number."""
        if self._open and not self._close_sent:
            self._close_sent = True
            self._link.send_close(self.peer_number)
        if self._close_sent and self._close_arrived:
            self._link.forget(self)

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
        if not self._open or self._eof_arrived or self._close_arrived:
            raise RemoteProtocolError("data on a channel that is not open, or after its end")
        self._window.take(octets)
        self._link.octets_received += octets

    def _has_ended(self) -> bool:
        return self._eof_arrived or self._close_arrived

    def _deliver(self, data: bytes) -> None:
        try:
            self._protocol.data_received(data)
        except Exception as error:
            self._fail(error)
        self._done_with(len(data))

    def _done_with(self, octets: int) -> None:
        """Make room for as much again as nobody holds any more."""
        self._window.read(octets)
        if self._window.is_due():
            self._grant()

    def _grant(self) -> None:
        if self._reader_paused or self._close_sent or self._has_ended():
            return
        if self._open and self._window.is_due():
            octets = self._window.grant(self._link.loop.time(), self._link.round_trip)
            self._link.send_window_adjust(self.peer_number, octets)

    def _deliver_unread(self) -> None:
        while self._inbox and self.is_reading():
            self._deliver(self._inbox.take())
        self._tell_end()

    def _tell_end(self) -> None:
        """Tell of EOF and CLOSE once everything before them has been delivered."""
        if self._lost or self._inbox or self._reader_paused:
            return
        if self._eof_arrived and not self._eof_told and not self._closing:
            self._eof_told = True
            if not self._tell(self._protocol.eof_received):
                self.close()
        if self._close_arrived and not self._reader_paused:
            self._lose(None if self._eof_arrived or self._closing else _truncated())

    # The end

    def _lose(self, error: Exception | None) -> None:
        """Let the protocol know that it is over, in the next step of the loop."""
        if not self._lost:
            self._lost = self._closing = True
            self._outbox.clear()
            self._link.loop.call_soon(self._protocol.connection_lost, error)

    def _tell(self, event: Callable[..., T], *arguments: object) -> T | None:
        """Call the protocol; an exception of its own ends its channel."""
        try:
            return event(*arguments)
        except Exception as error:
            self._fail(error)
            return None

    def _fail(self, error: Exception) -> None:
        message = "an exception above a channel ended it"
        context = {"message": message, "exception": error, "protocol": self._protocol}
        self._link.loop.call_exception_handler(context)
        self.abort()

    @staticmethod
    def _require(allowed: bool, otherwise: str) -> None:
        if not allowed:
            raise RemoteProtocolError(otherwise)


def _truncated() -> ChannelTruncated:
    return ChannelTruncated("the other end closed the channel before the end of its data")
