"""How a channel ends, in each direction and altogether (RFC 4254 5.3).

A channel closes in two steps, as sockets do: `write_eof` ends our direction, `close` ends both
after what is queued has gone out; `abort` sends CLOSE without EOF, which tells the peer that data
is missing. What the peer ends is told once everything before it has been delivered. An exception
of the protocol costs it its own channel, and no other one of the connection.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from pgrok.errors import ChannelTruncated, ConnectionLost, RemoteProtocolError
from pgrok.transport.buffers import Inbox, Outbox
from pgrok.transport.link import ChannelLink

UNREAD_SECONDS = 15.0
"""How long the end of a channel that the peer has closed waits for a reader who has paused. What
has come, which is bounded, is read on then, and the end told: it may be what he waits for."""

T = TypeVar("T")


class EndingChannel(asyncio.Transport):
    """The part of a channel that ends it; `TunnelChannel` moves its data."""

    __slots__ = (
        *("_close_arrived", "_close_sent", "_closing", "_eof_arrived", "_eof_sent", "_eof_told"),
        *("_eof_wanted", "_inbox", "_link", "_lost", "_open", "_outbox", "_protocol"),
        *("_reader_paused", "_reads_on", "number", "peer_number"),
    )

    def __init__(
        self,
        link: ChannelLink,
        protocol: asyncio.Protocol,
        number: int,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(extra)
        self.number = number
        self.peer_number = 0
        self._link = link
        self._protocol = protocol
        self._open = False
        # Sending
        self._outbox = Outbox()
        self._eof_wanted = False
        self._eof_sent = False
        self._closing = False
        self._close_sent = False
        # Receiving
        self._inbox = Inbox()
        self._reader_paused = False
        self._reads_on = False
        self._eof_arrived = False
        self._eof_told = False
        self._close_arrived = False
        self._lost = False

    @abstractmethod
    def resume_sending(self) -> None:
        """The connection takes data again."""

    @abstractmethod
    def resume_reading(self) -> None:
        """Deliver what has arrived meanwhile, and what will."""

    @abstractmethod
    def _flush(self) -> None:
        """Send what may be sent now, and the end if that was all."""

    @abstractmethod
    def _done_with(self, octets: int) -> None:
        """Make room for as much again as nobody holds any more."""

    # What the connection tells; what a peer may not do raises `RemoteProtocolError`.

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
        if not self._lost:
            self._link.loop.call_later(UNREAD_SECONDS, self._read_on)

    def link_lost(self) -> None:
        """The connection is gone; what came of a channel that the peer has closed can be read."""
        self._close_sent = True
        if not self._close_arrived:
            self._close_arrived = True
            self._inbox.clear()
            self._lose(ConnectionLost("the SSH connection was lost under its channels"))

    def link_ending(self) -> None:
        """The connection is about to say goodbye, which is no end of the data: neither end is told
        so. Nothing more is sent, and what still comes is discarded."""
        self._close_sent = True
        self._lose(ConnectionLost("goodbye was said to the other end of the SSH connection"))

    # What the protocol on top asks

    def is_closing(self) -> bool:
        """Whether the channel is closed or about to be, by either end."""
        return self._closing or self._close_arrived

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

    # Our end

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

    # The peer's end

    def _has_ended(self) -> bool:
        return self._eof_arrived or self._close_arrived

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

    def _read_on(self) -> None:
        """Let nobody's pause keep the end from being told any longer."""
        if not self._lost:
            self._reads_on = True
            self.resume_reading()

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
