"""One channel of an SSH connection (RFC 4254 5) as an `asyncio.Transport`.

The connection calls the methods that are named after what arrived; the protocol on top knows
nothing of SSH. Everything happens in callbacks: no task, future or queue belongs to a channel.

A protocol is told `connection_made` when the peer has confirmed the channel, or `connection_lost`
without it when the peer has refused. A channel closes in two steps, as sockets do: `write_eof` ends
our direction, `close` ends both after what is queued has gone out; `abort` sends CLOSE without EOF,
which tells the peer that data is missing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol, cast

from pgrok.errors import (
    ChannelRefused,
    ChannelTruncated,
    ConnectionLost,
    LocalProtocolError,
    RemoteProtocolError,
)
from pgrok.transport.window import ReceiveWindow

HIGH_WATER = 64 * 1024
"""Octets queued for sending at which the writer is asked to pause, as asyncio's sockets do."""

Buffer = bytes | bytearray | memoryview


class ChannelLink(Protocol):
    """What a channel asks of the SSH connection that it is part of."""

    loop: asyncio.AbstractEventLoop

    def is_writable(self) -> bool:
        """Whether data may be sent now; if not, `TunnelChannel.resume_sending` will be called."""

    def wait_writable(self, channel: TunnelChannel) -> None:
        """Ask for that call."""

    def send_data(self, channel: int, data: Buffer) -> None:
        """Send CHANNEL_DATA on the channel with that number at the peer."""

    def send_window_adjust(self, channel: int, octets: int) -> None:
        """Send CHANNEL_WINDOW_ADJUST."""

    def send_eof(self, channel: int) -> None:
        """Send CHANNEL_EOF."""

    def send_close(self, channel: int) -> None:
        """Send CHANNEL_CLOSE."""

    def forget(self, channel: TunnelChannel) -> None:
        """Release the number of a channel on which CLOSE went both ways."""


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
        self._send_window = 0
        self._max_packet = 0
        self._queue: deque[memoryview] = deque()
        self._queued = 0
        self._high_water = HIGH_WATER
        self._low_water = HIGH_WATER // 4
        self._writer_paused = False
        self._eof_wanted = False
        self._eof_sent = False
        self._closing = False
        self._close_sent = False
        # Receiving
        self._window = ReceiveWindow()
        self._unread: deque[bytes] = deque()
        self._reader_paused = False
        self._eof_arrived = False
        self._eof_told = False
        self._close_arrived = False
        self._lost = False

    # What the connection tells.

    @property
    def initial_window(self) -> int:
        """Octets that the peer may send at once, for the message that opens the channel."""
        return self._window.size

    def opened(self, peer_number: int, window: int, max_packet: int) -> None:
        """The channel stands: its number at the peer, and what the peer takes at once."""
        self.peer_number = peer_number
        self._send_window = window
        self._max_packet = max_packet
        self._open = True
        if self._closing or self._lost:
            self._send_close()
        else:
            self._protocol.connection_made(self)

    def refused(self, reason: str) -> None:
        """The peer would not open the channel."""
        self._link.forget(self)
        self._lose(ChannelRefused(f"the other end refused the channel: {reason}"))

    def window_adjusted(self, octets: int) -> None:
        """The peer takes that many octets more; raises `RemoteProtocolError` over 2^32 - 1."""
        self._send_window += octets
        if self._send_window > 0xFFFFFFFF:
            raise RemoteProtocolError("channel window beyond 2^32 - 1 octets")
        if self._queue:
            self._flush()

    def data_arrived(self, data: bytes) -> None:
        """Data from the peer; raises `RemoteProtocolError` beyond the window or the end."""
        if self._eof_arrived or self._close_arrived:
            raise RemoteProtocolError("channel data after its end")
        self._window.take(len(data))
        if self._lost or self._closing:
            return
        if self._reader_paused or self._unread:
            self._unread.append(data)
        else:
            self._deliver(data)

    def data_discarded(self, octets: int) -> None:
        """Data that nobody reads, such as extended data, was counted against the window."""
        self._window.take(octets)
        self._window.read(octets)
        self._grant()

    def eof_arrived(self) -> None:
        """The peer will send no more data."""
        if self._eof_arrived or self._close_arrived:
            raise RemoteProtocolError("a second end of channel data")
        self._eof_arrived = True
        self._tell_end()

    def close_arrived(self) -> None:
        """The peer is done with the channel in both directions."""
        if self._close_arrived:
            raise RemoteProtocolError("a second close of a channel")
        self._close_arrived = True
        self._drop_queue()
        self._send_close()
        self._tell_end()

    def link_lost(self) -> None:
        """The connection is gone, and every channel of it."""
        self._close_arrived = self._close_sent = True
        self._unread.clear()
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
        """Whether the channel is closed or about to be."""
        return self._closing or self._lost

    def is_reading(self) -> bool:
        """Whether data is delivered as it arrives."""
        return not (self._reader_paused or self._closing or self._lost)

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
        if self._unread or self._eof_arrived or self._close_arrived:
            self._link.loop.call_soon(self._deliver_unread)
        else:
            self._grant()

    def write(self, data: Buffer) -> None:
        """Send `data`, now if the window and the connection allow, else as soon as they do."""
        if self._eof_wanted:
            raise LocalProtocolError("write after write_eof")
        if self._closing or self._lost or self._close_arrived or not data:
            return
        view = memoryview(data if isinstance(data, bytes) else bytes(data))
        if self._queue:
            self._enqueue(view)
        elif rest := self._send(view):
            self._enqueue(rest)
        self._pause_writer_if_full()

    def writelines(self, list_of_data: Iterable[Buffer]) -> None:
        """Send the pieces, in as few packets as they fit into."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """Whether one direction can end before the other: yes."""
        return True

    def write_eof(self) -> None:
        """End our direction after what is queued."""
        if not (self._eof_wanted or self._closing or self._lost):
            self._eof_wanted = True
            self._flush()

    def close(self) -> None:
        """End both directions after what is queued has been sent; deliver nothing more."""
        if not self._open:
            self.abort()
        elif not (self._closing or self._lost):
            self._closing = True
            self._unread.clear()
            self._flush()

    def abort(self) -> None:
        """End both directions at once; what is queued is lost, and the peer can tell."""
        if self._lost:
            return
        self._closing = True
        self._eof_sent = True  # and never will be: that is how the peer can tell
        self._unread.clear()
        self._drop_queue()
        self._send_close()
        self._lose_soon(None)

    def get_write_buffer_size(self) -> int:
        """Return the octets that are queued."""
        return self._queued

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and the high water mark."""
        return self._low_water, self._high_water

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the octets at which the writer pauses and goes on."""
        self._high_water = HIGH_WATER if high is None else high
        self._low_water = self._high_water // 4 if low is None else low
        self._pause_writer_if_full()

    # Sending

    def _enqueue(self, view: memoryview) -> None:
        self._queue.append(view)
        self._queued += len(view)

    def _send(self, view: memoryview) -> memoryview | None:
        """Send what may be sent of `view`; return the rest, None if there is none."""
        link = self._link
        while view:
            if not link.is_writable():
                link.wait_writable(self)
                return view
            room = min(self._send_window, self._max_packet)
            if room == 0:
                return view
            packet, view = view[:room], view[room:]
            self._send_window -= len(packet)
            link.send_data(self.peer_number, packet)
        return None

    def _flush(self) -> None:
        while self._queue:
            view = self._queue[0]
            rest = self._send(view)
            self._queued -= len(view) - (len(rest) if rest else 0)
            if rest:
                self._queue[0] = rest
                break
            self._queue.popleft()
        self._resume_writer_if_drained()
        if not self._queue:
            self._end_sending()

    def _end_sending(self) -> None:
        if self._eof_wanted or self._closing:
            self._send_eof()
        if self._closing or self._lost:
            self._send_close()
            self._lose_soon(None)

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

    def _drop_queue(self) -> None:
        self._queue.clear()
        self._queued = 0

    def _pause_writer_if_full(self) -> None:
        if self._queued > self._high_water and not self._writer_paused:
            self._writer_paused = True
            self._protocol.pause_writing()

    def _resume_writer_if_drained(self) -> None:
        if self._writer_paused and self._queued <= self._low_water:
            self._writer_paused = False
            self._protocol.resume_writing()

    # Receiving

    def _deliver(self, data: bytes) -> None:
        self._protocol.data_received(data)
        self._window.read(len(data))
        self._grant()

    def _grant(self) -> None:
        if self._reader_paused or not self._open or self._close_sent:
            return
        if octets := self._window.grant():
            self._link.send_window_adjust(self.peer_number, octets)

    def _deliver_unread(self) -> None:
        while self._unread and self.is_reading():
            self._deliver(self._unread.popleft())
        self._tell_end()

    def _tell_end(self) -> None:
        """Tell of EOF and CLOSE once everything before them has been delivered."""
        if self._lost or self._unread or self._reader_paused:
            return
        if self._eof_arrived and not self._eof_told and not self._closing:
            self._eof_told = True
            if not self._protocol.eof_received():
                self.close()
        if self._close_arrived:
            self._lose(None if self._eof_arrived or self._closing else _truncated())

    def _lose_soon(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self._link.loop.call_soon(self._protocol.connection_lost, error)

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._closing = True
            self._drop_queue()
            self._lose_soon(error)


def _truncated() -> ChannelTruncated:
    return ChannelTruncated("the other end closed the channel before the end of its data")
