"""Two transports coupled byte for byte: TCP tunnels, and what follows a 101."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from pgrok.errors import ConnectionLost
from pgrok.reading import LARGE_READ, Lender, ReadInPlace
from pgrok.relay.half_open import HalfOpenWatch
from pgrok.relay.parting import part
from pgrok.sockets import reset


@dataclass(frozen=True, slots=True)
class Detached:
    """A transport that stands and leaves its protocol; what was read from it is in `unread`.

    `ended` tells that its end of file was read too, `full` that it takes no more for now.
    `on_lost` is called when the transport is lost in the end.
    """

    transport: asyncio.Transport
    unread: bytes = b""
    ended: bool = False
    full: bool = False
    on_lost: Callable[[], object] | None = None


class SpliceEnd(asyncio.Protocol):
    """One end: what it receives, the other one writes.

    An end of file is passed on as one, so that either direction may end first; the transports
    close when both have.
    """

    __slots__ = (
        *("_early", "_ended", "_full", "_half_open", "_left", "_lost", "_other", "_transport"),
        *("give_up", "on_lost"),
    )

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._other: SpliceEnd | None = None
        self._early: list[bytes] = []
        self._full = False
        self._ended = False
        self._lost = False
        self._left = False
        self._half_open: HalfOpenWatch | None = None
        self.give_up: Callable[[], object] | None = None
        """Stops this end from being connected, while it is."""
        self.on_lost: Callable[[], object] | None = None
        """Told when this end's transport is lost."""

    def join(self, other: SpliceEnd) -> None:
        """Couple two ends."""
        self._other, other._other = other, self

    def adopt(self, detached: Detached) -> None:
        """Take over a transport that stands already."""
        self._transport = detached.transport
        self._full = detached.full
        self.on_lost = detached.on_lost
        detached.transport.set_protocol(self)

    def begin(self, detached: Detached) -> None:
        """Go on where the transport was left, as soon as both ends have theirs."""
        if detached.unread:
            self.data_received(detached.unread)
        if detached.ended:
            if not self.eof_received():
                detached.transport.close()
        elif self._peer._full:
            self._pause_reading()
        else:
            detached.transport.resume_reading()

    @property
    def _peer(self) -> SpliceEnd:
        assert self._other is not None
        return self._other

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the other end, or let it know that its waiting is over."""
        self._transport = cast("asyncio.Transport", transport)
        other = self._peer
        for data in other._early:
            self._transport.write(data)
        other._early.clear()
        if other._ended:
            self._end_writing()
        if other._lost:
            self._transport.abort()
        elif other._transport is None:
            self._pause_reading()
        elif not self._full:
            other._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Pass the bytes on; keep those that come before the other end stands.

        uvloop begins to read after `connection_made`, whatever was asked for within it.
        """
        other = self._peer
        if other._transport is not None:
            other._transport.write(data)
            if len(data) >= LARGE_READ:
                self._read_in_place(other._transport)
        elif not other._lost:
            self._early.append(data)
            self._pause_reading()

    def _read_in_place(self, target: asyncio.Transport) -> None:
        """Have bulk for a channel read to where its packets are sealed."""
        if isinstance(target, Lender) and self._transport is not None:
            self._transport.set_protocol(ReadInPlace(self, target.lend, target.write_lent))

    def pause_writing(self) -> None:
        """This end takes no more: the other one reads no more."""
        self._full = True
        self._peer._pause_reading()

    def resume_writing(self) -> None:
        """This end takes bytes again."""
        self._full = False
        if transport := self._peer._transport:
            transport.resume_reading()

    def eof_received(self) -> bool:
        """End the other end's writing; keep this one open until it has ended too."""
        self._ended = True
        other = self._peer
        if other._transport is not None:
            other._end_writing()
        self._expect_no_word()
        if other._ended:
            self._leave()
        return self._can_be_half_open()

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end: after what it still has to write, or at once if bytes are missing.

        A channel that was closed without an end of file is no sign of that: Go's clients end
        every stream so.
        """
        self._lost = True
        if self._half_open is not None:
            self._half_open.end()
            exc = exc or self._half_open.error
        if self.on_lost is not None:
            self.on_lost()
        other = self._other
        if other is None or other._lost:
            return
        transport = other._transport
        if transport is None:
            if other.give_up is not None:
                other.give_up()
        elif isinstance(exc, (ConnectionLost, OSError)):
            reset(transport)
        else:
            other._leave()

    def _leave(self) -> None:
        """Close once this end has taken what was to be written to it: no more will be."""
        if self._transport is not None and not self._left:
            self._left = True
            part(self._transport, self)

    def _pause_reading(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()
            self._expect_no_word()

    def _expect_no_word(self) -> None:
        """Nothing is read from now on: a connection that is lost does not show by itself."""
        if self._half_open is None and self._transport is not None:
            self._half_open = HalfOpenWatch(self._transport)

    def _end_writing(self) -> None:
        """Pass an end of file on; TLS cannot, and is closed instead."""
        assert self._transport is not None
        if self._transport.is_closing():
            return
        if self._can_be_half_open():
            self._transport.write_eof()
        else:
            self._transport.close()

    def _can_be_half_open(self) -> bool:
        return self._transport is not None and self._transport.can_write_eof()


def splice(downstream: Detached, upstream: Detached) -> None:
    """Couple two transports that stand."""
    one, other = SpliceEnd(), SpliceEnd()
    one.join(other)
    one.adopt(downstream)
    other.adopt(upstream)
    one.begin(downstream)
    other.begin(upstream)
