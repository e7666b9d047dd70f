"""Who sends requests and reads answers: how long they are waited for, and whether they live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pgrok.relay.deadlines import Deadlines
from pgrok.relay.exchange import Exchange
from pgrok.relay.half_open import HalfOpenWatch
from pgrok.relay.splice import Detached
from pgrok.relay.stalls import Stall
from pgrok.relay.timeouts import Timeouts

FIRST_REQUEST_SECONDS = 0.5
"""How long a connection that is to be closed may take to send its first request."""


class Peer:
    """The other end of a downstream connection, which may be silent, take nothing, or be gone.

    `time_is_up` is called when it was waited for long enough, `stalled` when nothing of what was
    written to it is read any more.
    """

    __slots__ = (
        *("_deadlines", "_half_open", "_stall", "_stalled", "_timeouts", "deadline", "ended"),
        *("full", "lingering", "reading", "transport"),
    )

    transport: asyncio.Transport
    """Of a connection that stands."""

    def __init__(
        self,
        deadlines: Deadlines,
        timeouts: Timeouts,
        *,
        time_is_up: Callable[[], None],
        stalled: Callable[[], None],
    ) -> None:
        self.deadline = deadlines.new(time_is_up)
        """When it is given up; what happens with each request moves it directly."""
        self._deadlines = deadlines
        self._timeouts = timeouts
        self._stalled = stalled
        self._stall: Stall | None = None
        self._half_open: HalfOpenWatch | None = None
        self.full = False
        """Whether it takes no more for now."""
        self.reading = True
        """Whether what it sends is read."""
        self.ended = False
        """Whether it sends no more."""
        self.lingering = False
        """Whether nothing is written to it any more, and what it sends is of no use."""

    # How long it is waited for

    def wait_for_first(self) -> None:
        """A first request may be on its way to a connection that has just been accepted."""
        self.deadline.move(FIRST_REQUEST_SECONDS)

    def wait_for_head(self) -> None:
        """A request has begun, or the connection."""
        self.deadline.move(self._timeouts.head)

    def wait_for(self, exchange: Exchange) -> None:
        """Say how long what the exchange waits for may take."""
        if exchange.waits_for_request:
            self.deadline.move(self._timeouts.body)
        elif exchange.status:
            self.deadline.rest()
        elif exchange.connecting:
            self.deadline.move(self._timeouts.connect)
        else:
            self.deadline.move(self._timeouts.response)

    # Whether it lives

    def pause_writing(self) -> None:
        """It takes no more: from now on something has to leave for it now and then."""
        self.full = True
        self._watch_taking()

    def resume_writing(self) -> None:
        """It takes writes again."""
        self.full = False
        if self._stall is not None and not self.transport.is_closing():
            self._stall.rest()

    def read(self, more: bool) -> None:
        """Read what it sends, or leave it where it is."""
        if self.ended or self.lingering:
            return
        # Of a channel that its peer has closed the end is heard only by who reads on.
        reading = more or self.transport.is_closing()
        if reading is not self.reading:
            self.reading = reading
            if reading:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()
                self._expect_no_word()

    def end(self) -> None:
        """It sends no more."""
        self.ended = True
        self._expect_no_word()

    def _watch_taking(self) -> None:
        # Made when it is needed first: most connections are never full.
        if self._stall is None:
            seconds = self._timeouts.stalled
            self._stall = Stall(self._deadlines, self.transport, seconds, self._stalled)
        self._stall.watch()

    def _expect_no_word(self) -> None:
        """Nothing is read from now on: a connection that is lost does not show by itself."""
        if self._half_open is None:
            self._half_open = HalfOpenWatch(self.transport)

    # How it is left

    def linger(self) -> None:
        """Close, but read on for a while: a reset would take the answer away from its reader."""
        self.lingering = True
        transport = self.transport
        if self.ended or transport.is_closing() or not transport.can_write_eof():
            self.close()
            return
        transport.write_eof()
        self.reading = True
        transport.resume_reading()
        self.deadline.move(self._timeouts.linger)

    def close(self) -> None:
        """Close after what is still to be read, if somebody reads it."""
        self.deadline.rest()
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self._watch_taking()

    def detach(self, unread: bytes) -> Detached:
        """Hand the transport over, to who has to know what was read from it and not used."""
        self.forget()
        return Detached(self.transport, unread, ended=self.ended, full=self.full)

    def forget(self) -> None:
        """Watch it no more: the connection is gone, or somebody else's."""
        self.deadline.end()
        if self._stall is not None:
            self._stall.end()
        if self._half_open is not None:
            self._half_open.end()
