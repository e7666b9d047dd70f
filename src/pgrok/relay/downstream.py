"""The side of an exchange that a request comes from: a visitor's socket, or a channel."""

from __future__ import annotations

import asyncio
from typing import cast

from pgrok.errors import RemoteProtocolError
from pgrok.http.head import FROM_ANYBODY, HeadLimits, RequestHead
from pgrok.http.pages import Code, Problem
from pgrok.http.reader import Body, request_reader
from pgrok.reading import LARGE_READ
from pgrok.relay.backend import Backend
from pgrok.relay.deadlines import Deadlines
from pgrok.relay.exchange import Exchange
from pgrok.relay.interfaces import Output
from pgrok.relay.passing_body import pass_body
from pgrok.relay.peer import Peer
from pgrok.relay.refusal import refuse_bytes
from pgrok.relay.splice import Detached
from pgrok.relay.timeouts import Timeouts
from pgrok.sockets import reset

MAX_READ_AHEAD = 64 * 1024
"""Octets of pipelined requests that are read while one is being answered."""


class DownstreamConnection(asyncio.Protocol):
    """One HTTP connection that requests come from, one exchange after the other."""

    __slots__ = (
        *("_advancing", "_backend", "_exchange", "_fresh", "_passing", "_peer", "_reader"),
        *("_timeouts", "keeps_alive", "loop"),
    )

    def __init__(
        self,
        backend: Backend,
        deadlines: Deadlines,
        timeouts: Timeouts,
        limits: HeadLimits = FROM_ANYBODY,
    ) -> None:
        self.loop = deadlines.loop
        self.keeps_alive = True
        """Whether it is open for more requests after this one."""
        self._peer = Peer(
            deadlines, timeouts, time_is_up=self._time_is_up, stalled=self.reader_stalled
        )
        self._timeouts = timeouts
        self._backend = backend
        self._reader = request_reader(limits)
        self._exchange: Exchange | None = None
        self._advancing = False
        self._passing = False
        """Whether a body goes past the reader."""
        self._fresh = True

    @property
    def idle(self) -> bool:
        """Whether no request is under way."""
        return self._exchange is None and not self._reader.buffered

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request."""
        self._peer.transport = cast("asyncio.Transport", transport)
        self._peer.wait_for_head()
        self._reader.expect()

    def data_received(self, data: bytes) -> None:
        """Part of a request; of one whose sender is gone nobody has any use."""
        peer = self._peer
        if peer.lingering or peer.transport.is_closing():
            return
        if self._exchange is None and not peer.full:
            request = self._reader.whole(data)
            if request is not None:
                self._begin_exchange(request)
                return
        was_idle = self.idle
        self._reader.receive(data)
        self._advance()
        if was_idle and self._awaits_head:
            peer.wait_for_head()
        if len(data) >= LARGE_READ:
            self._pass_body()

    def eof_received(self) -> bool:
        """No more requests come; those that are complete are still answered."""
        self._peer.end()
        self._reader.receive_eof()
        if not self._peer.lingering:
            self._advance()
        return self._exchange is not None or (self._awaits_head and self._peer.full)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: so is its exchange."""
        self._peer.forget()
        if self._exchange is not None:
            self._exchange.downstream_lost()
            self._end_exchange(self.loop.time())

    def pause_writing(self) -> None:
        """The response is not taken as fast as it comes."""
        self._peer.pause_writing()
        if self._exchange is not None:
            self._exchange.downstream_full(True)

    def resume_writing(self) -> None:
        """The response is taken again."""
        self._peer.resume_writing()
        if self._exchange is not None:
            self._exchange.downstream_full(False)
        else:
            self._advance()

    # For its exchange

    def send(self, output: Output) -> None:
        """Write part of the response."""
        self._peer.transport.writelines(output)
        self._watch()

    def route_again(self) -> None:
        """Ask the backend once more where the request goes."""
        if self._exchange is not None:
            self._backend.route(self._exchange)
            self.request_flow_changed()

    def request_flow_changed(self) -> None:
        """Go on with the request, or stop."""
        if not self._advancing:
            self._advance()
            self._watch()

    def exchange_over(self, output: bytes, keep_alive: bool, now: float) -> None:
        """Write the last of the response; go on to the next request, or close."""
        peer, reader = self._peer, self._reader
        if output:
            peer.transport.write(output)
        self._end_exchange(now)
        read = not reader.awaits_message or self._has_read_rest()
        if not (keep_alive and read and self.keeps_alive):
            peer.linger()
        elif reader.expect() or peer.ended:
            peer.wait_for_head()
            self._advance()
        else:
            peer.deadline.move_to(now + self._timeouts.idle)
            if not peer.reading:
                peer.read(True)

    def exchange_cut(self) -> None:
        """Close so that the response does not look complete, whatever its framing was."""
        self._end_exchange(self.loop.time())
        reset(self._peer.transport)

    def leave(self) -> Detached:
        """Leave HTTP after a 101."""
        self._end_exchange(self.loop.time())
        return self._peer.detach(self._reader.take_rest())

    def close_when_idle(self) -> None:
        """Close now if no request is under way, else after the one that is."""
        self.keeps_alive = False
        if self.idle and self._fresh:
            self._peer.wait_for_first()
        elif self.idle:
            self._peer.close()

    def reader_stalled(self) -> None:
        """Nothing of what was written is read any more: let go of all that waits for it."""
        self._peer.transport.abort()

    # Inside

    def _advance(self) -> None:
        """Deal with what has been read, as far as the exchange takes it."""
        if self._advancing:
            return
        self._advancing = True
        progress = False
        try:
            progress = self._take_events()
        except RemoteProtocolError as error:
            self._refuse(Problem(Code.BAD_REQUEST, error.status, f"{error}."))
        finally:
            self._advancing = False
        if self._exchange is not None:
            if progress:
                self._peer.wait_for(self._exchange)
            self._exchange.request_paused()
        elif self._peer.ended and not self._reader.buffered:
            self._peer.close()
        if self._reader.buffered or not self._peer.reading:
            self._peer.read(self._has_room())

    def _take_events(self) -> bool:
        """Return whether there were any."""
        peer, reader = self._peer, self._reader
        progress = False
        while reader.awaits_message and not (
            peer.lingering or self._is_held or peer.transport.is_closing()
        ):
            event = reader.next_event()
            if event is None:
                break
            progress = True
            if isinstance(event, RequestHead):
                self._begin_exchange(event)
            elif self._exchange is not None:
                self._exchange.request_body(event)
        return progress

    def _pass_body(self) -> None:
        """Let the rest of a large body go on without being looked at."""
        target = self._exchange.body_target if self._exchange is not None else None
        if target is not None and not self._passing:
            source = self._peer.transport
            self._passing = pass_body(source, self, self._reader, target, self._body_passed)

    def _body_passed(self) -> None:
        """Some of the body has gone on."""
        if not self._reader.body_left:
            self._read_on()
            self._advance()
            return
        self._watch()
        if self._is_held:
            self._peer.read(False)

    def _read_on(self) -> None:
        """Look at whatever comes next."""
        self._passing = False
        self._peer.transport.set_protocol(self)

    @property
    def _is_held(self) -> bool:
        """Whether what was read has to wait; a next request does for room for its response."""
        exchange = self._exchange
        return self._peer.full if exchange is None else not exchange.takes_request

    @property
    def _awaits_head(self) -> bool:
        """Whether part of a request's head has come, or more than that has to wait."""
        return self._exchange is None and not self._peer.lingering and self._reader.buffered > 0

    def _has_room(self) -> bool:
        """Whether more may be read than is there already; the reader has its own limit of a head,
        which may be more than is read ahead."""
        if self._is_held:
            return not self._reader.buffered
        return self._exchange is None or self._reader.buffered < MAX_READ_AHEAD

    def _begin_exchange(self, request: RequestHead) -> None:
        self._fresh = False
        self._exchange = exchange = Exchange(self, request)
        # Before it is known where the request goes: it may be answered at once.
        self._peer.deadline.move_to(exchange.began + self._timeouts.response)
        self._backend.route(exchange)
        if not exchange.takes_request:
            self._watch()

    def _end_exchange(self, now: float) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            if self._passing:
                self._read_on()
            self._backend.finished(exchange, now - exchange.began)

    def _has_read_rest(self) -> bool:
        """Whether what has come of the request that was answered is all of it."""
        try:
            event = self._reader.next_event()
            return isinstance(event, Body) and event.trailers is not None
        except RemoteProtocolError:
            return False

    def _refuse(self, problem: Problem) -> None:
        """Answer something that is no request; after a doubt the connection closes."""
        if self._exchange is None:
            self._backend.refused(problem)
            self._peer.transport.write(refuse_bytes(problem))
            self._peer.linger()
        elif self._exchange.status:
            reset(self._peer.transport)
        else:
            self._exchange.refuse(problem)

    def _watch(self) -> None:
        if self._exchange is not None:
            self._peer.wait_for(self._exchange)

    def _time_is_up(self) -> None:
        exchange = self._exchange
        if self._peer.lingering or self.idle:
            self._peer.close()
        elif exchange is not None and not exchange.waits_for_request:
            exchange.too_slow()
        elif exchange is None and self._peer.full:
            # The request came in time; it is its sender who does not read.
            self._peer.wait_for_head()
        else:
            self._refuse(Problem(Code.BAD_REQUEST, 408, "The request did not arrive in time."))
