"""The side of an exchange that a request comes from: a visitor's socket, or a channel."""

from __future__ import annotations

import asyncio
from typing import cast

from pgrok.errors import RemoteProtocolError
from pgrok.http.head import RequestHead
from pgrok.http.pages import Code, Problem
from pgrok.http.reader import Body, request_reader
from pgrok.relay.backend import Backend
from pgrok.relay.deadlines import Deadlines
from pgrok.relay.exchange import Exchange
from pgrok.relay.half_open import HalfOpenWatch
from pgrok.relay.interfaces import Output
from pgrok.relay.refusal import refuse_bytes
from pgrok.relay.splice import Detached
from pgrok.relay.stalls import Stall
from pgrok.relay.timeouts import Timeouts
from pgrok.sockets import reset

MAX_READ_AHEAD = 64 * 1024
"""Octets of pipelined requests that are read while one is being answered."""


FIRST_REQUEST_SECONDS = 0.5
"""How long a connection that is to be closed may take to send its first request."""


class DownstreamConnection(asyncio.Protocol):
    """One HTTP connection that requests come from, one exchange after the other."""

    def __init__(self, backend: Backend, deadlines: Deadlines, timeouts: Timeouts) -> None:
        self.loop = deadlines.loop
        self._deadline = deadlines.new(self._time_is_up)
        self._backend = backend
        self._deadlines = deadlines
        self._timeouts = timeouts
        self._reader = request_reader()
        self._exchange: Exchange | None = None
        self._transport: asyncio.Transport | None = None
        self._stall: Stall | None = None
        self._half_open: HalfOpenWatch | None = None
        self._advancing = False
        self._reading = True
        self._full = False
        self._eof = False
        self._leaving = False
        self._lingering = False
        self._fresh = True

    @property
    def transport(self) -> asyncio.Transport:
        """The transport of the connection, which stands."""
        assert self._transport is not None
        return self._transport

    @property
    def idle(self) -> bool:
        """Whether no request is under way."""
        return self._exchange is None and not self._reader.buffered

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request."""
        self._transport = cast("asyncio.Transport", transport)
        self._deadline.move(self._timeouts.head)
        self._reader.expect()

    def data_received(self, data: bytes) -> None:
        """Part of a request; of one whose sender is gone nobody has any use."""
        if self._lingering or self.transport.is_closing():
            return
        was_idle = self.idle
        self._reader.receive(data)
        self._advance()
        if was_idle and self._awaits_head:
            self._deadline.move(self._timeouts.head)

    def eof_received(self) -> bool:
        """No more requests come; those that are complete are still answered."""
        self._eof = True
        self._reader.receive_eof()
        if not self._lingering:
            self._advance()
        self._expect_no_word()
        return self._exchange is not None or (self._awaits_head and self._full)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: so is its exchange."""
        self._end_deadlines()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.downstream_lost()
            self._backend.finished(exchange)

    def pause_writing(self) -> None:
        """The response is not taken as fast as it comes."""
        self._full = True
        self._watch_reader()
        if self._exchange is not None:
            self._exchange.downstream_full(True)

    def resume_writing(self) -> None:
        """The response is taken again."""
        self._full = False
        if self._stall is not None and not self.transport.is_closing():
            self._stall.rest()
        if self._exchange is not None:
            self._exchange.downstream_full(False)
        else:
            self._advance()

    # For its exchange

    def send(self, output: Output) -> None:
        """Write part of the response."""
        self.transport.writelines(output)
        self._watch()

    @property
    def keeps_alive(self) -> bool:
        """Whether it is open for more requests after this one."""
        return not self._leaving

    def route_again(self) -> None:
        """Ask the backend once more where the request goes."""
        if self._exchange is not None:
            self._backend.route(self._exchange)

    def request_flow_changed(self) -> None:
        """Go on with the request, or stop."""
        if not self._advancing:
            self._advance()
            self._watch()

    def exchange_over(self, output: Output, *, keep_alive: bool) -> None:
        """Write the last of the response; go on to the next request, or close."""
        if output:
            self.transport.writelines(output)
        self._end_exchange()
        read = not self._reader.awaits_message or self._has_read_rest()
        if keep_alive and read and not self._leaving:
            self._start_next()
        else:
            self._linger()

    def exchange_cut(self) -> None:
        """Close so that the response does not look complete, whatever its framing was."""
        self._end_exchange()
        reset(self.transport)

    def leave(self) -> Detached:
        """Leave HTTP after a 101."""
        self._end_deadlines()
        self._end_exchange()
        rest = self._reader.take_rest()
        return Detached(self.transport, rest, ended=self._eof, full=self._full)

    def close_when_idle(self) -> None:
        """Close now if no request is under way, else after the one that is.

        A first request may be on its way to a connection that has just been accepted.
        """
        self._leaving = True
        if not self.idle or self._transport is None:
            return
        if self._fresh:
            self._deadline.move(FIRST_REQUEST_SECONDS)
        else:
            self._close()

    def reader_stalled(self) -> None:
        """Nothing of what was written is read any more: let go of all that waits for it."""
        self.transport.abort()

    # Inside

    def _advance(self) -> None:
        """Deal with what has been read, as far as the exchange takes it."""
        if self._advancing or self._transport is None:
            return
        self._advancing = True
        progress = False
        try:
            progress = self._take_events(self._transport)
        except RemoteProtocolError as error:
            self._refuse(Problem(Code.BAD_REQUEST, error.status, f"{error}."))
        finally:
            self._advancing = False
        if self._exchange is not None:
            self._exchange.request_paused()
            if progress:
                self._watch()
        elif self._eof and not self._reader.buffered:
            self._close()
        self._set_reading()

    def _take_events(self, transport: asyncio.Transport) -> bool:
        """Return whether there were any."""
        progress = False
        while not (self._lingering or self._is_held or transport.is_closing()):
            event = self._reader.next_event()
            if event is None:
                break
            progress = True
            if isinstance(event, RequestHead):
                self._fresh = False
                self._exchange = exchange = Exchange(self, event)
                self._backend.route(exchange)
            elif self._exchange is not None:
                self._exchange.request_body(event)
        return progress

    @property
    def _is_held(self) -> bool:
        """Whether what was read has to wait; a next request does for room for its response."""
        exchange = self._exchange
        return self._full if exchange is None else not exchange.takes_request

    @property
    def _awaits_head(self) -> bool:
        """Whether part of a request's head has come, or more than that has to wait."""
        return self._exchange is None and not self._lingering and self._reader.buffered > 0

    def _set_reading(self) -> None:
        if self._eof or self._lingering or (self._reading and not self._reader.buffered):
            return
        # Of a channel that its peer has closed the end is heard only by who reads on.
        reading = self.transport.is_closing() or self._has_room()
        if reading is not self._reading:
            self._reading = reading
            if reading:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()
                self._expect_no_word()

    def _expect_no_word(self) -> None:
        """Nothing is read from now on: a connection that is lost does not show by itself."""
        if self._half_open is None:
            self._half_open = HalfOpenWatch(self.transport)

    def _has_room(self) -> bool:
        """Whether more may be read than is there already."""
        return self._reader.buffered < (1 if self._is_held else MAX_READ_AHEAD)

    def _end_exchange(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            self._backend.finished(exchange)

    def _has_read_rest(self) -> bool:
        """Whether what has come of the request that was answered is all of it."""
        try:
            event = self._reader.next_event()
            return isinstance(event, Body) and event.trailers is not None
        except RemoteProtocolError:
            return False

    def _start_next(self) -> None:
        self._reader.expect()
        if self._reader.buffered or self._eof:
            self._deadline.move(self._timeouts.head)
            self._advance()
        else:
            self._deadline.move(self._timeouts.idle)
            self._set_reading()

    def _refuse(self, problem: Problem) -> None:
        """Answer something that is no request; after a doubt the connection closes."""
        if self._exchange is None:
            self._backend.refused(problem)
            self.transport.write(refuse_bytes(problem))
            self._linger()
        elif self._exchange.status:
            reset(self.transport)
        else:
            self._exchange.refuse(problem)

    def _linger(self) -> None:
        """Close, but read on for a while: a reset would take the answer away from its reader."""
        self._lingering = True
        transport = self.transport
        if self._eof or transport.is_closing() or not transport.can_write_eof():
            self._close()
            return
        transport.write_eof()
        self._reading = True
        transport.resume_reading()
        self._deadline.move(self._timeouts.linger)

    def _close(self) -> None:
        """Close after what is still to be read, if somebody reads it."""
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self._watch_reader()

    def _watch_reader(self) -> None:
        # Made when it is needed first: most connections are never full.
        if self._stall is None:
            seconds = self._timeouts.stalled
            self._stall = Stall(self._deadlines, self.transport, seconds, self.reader_stalled)
        self._stall.watch()

    def _end_deadlines(self) -> None:
        self._deadline.end()
        if self._stall is not None:
            self._stall.end()
        if self._half_open is not None:
            self._half_open.end()

    def _watch(self) -> None:
        """Say how long what the exchange waits for may take."""
        exchange = self._exchange
        if exchange is None:
            return
        if exchange.waits_for_request:
            self._deadline.move(self._timeouts.body)
        elif exchange.status:
            self._deadline.rest()
        else:
            self._deadline.move(self._timeouts.response)

    def _time_is_up(self) -> None:
        exchange = self._exchange
        if self._lingering or self.idle:
            self._close()
        elif exchange is not None and not exchange.waits_for_request:
            exchange.too_slow()
        elif exchange is None and self._full:
            # The request came in time; it is its sender who does not read.
            self._deadline.move(self._timeouts.head)
        else:
            self._refuse(Problem(Code.BAD_REQUEST, 408, "The request did not arrive in time."))
