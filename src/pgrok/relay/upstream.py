"""The side of an exchange that a request goes to: a channel, or the target's socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol, cast

from pgrok.errors import RemoteProtocolError
from pgrok.http.head import FROM_ANYBODY, HeadLimits
from pgrok.http.reader import response_reader
from pgrok.relay.interfaces import ResponseSink
from pgrok.relay.splice import Detached


class UpstreamOwner(Protocol):
    """What keeps the connections: a pool."""

    def release(self, upstream: UpstreamConnection, promised: float | None, now: float) -> None:
        """Take one back, at that time; its end keeps it for the seconds it `promised`, if any."""

    def forget(self, upstream: UpstreamConnection) -> None:
        """Drop one that is gone."""


class UpstreamConnection(asyncio.Protocol):
    """One HTTP connection to where requests go, for one exchange at a time."""

    __slots__ = (
        *("_ended", "_exchange", "_owner", "_reader", "_reading", "connected", "give_up", "heard"),
        *("idle_since", "idle_until", "reused", "transport"),
    )

    transport: asyncio.Transport
    """Of a connection that stands."""

    def __init__(self, owner: UpstreamOwner, limits: HeadLimits = FROM_ANYBODY) -> None:
        self._owner = owner
        self._reader = response_reader(limits)
        self._exchange: ResponseSink | None = None
        self._reading = True
        self._ended = False
        self.heard = False
        """Whether an octet of the response has come, and not all of it at once."""
        self.connected = False
        """Whether the request can be written."""
        self.idle_since = self.idle_until = 0.0
        self.reused = False
        """Whether it has served an exchange before this one."""
        self.give_up: Callable[[], object] = _nothing

    # For its exchange

    def serve(self, exchange: ResponseSink, method: bytes) -> bool:
        """Belong to `exchange`, whose request has that method, from now on.

        Returns whether the request may be written; if not yet, `upstream_ready` will be told.
        """
        self._exchange = exchange
        self.heard = False
        self._reader.expect(method)
        return self.connected

    def write(self, data: Iterable[bytes | memoryview]) -> None:
        """Write part of the request."""
        self.transport.writelines(data)

    def hold_reading(self, hold: bool) -> None:
        """Leave the response where it is, or read it again."""
        if self.connected and hold is self._reading:
            self._reading = not hold
            if hold:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def finish(self, keep_alive: bool, promised: float | None, now: float) -> None:
        """The exchange is over at that time: request and response were complete."""
        self._exchange = None
        reader, transport = self._reader, self.transport
        # Nothing may be under way, or left over, in either direction.
        if not keep_alive or (
            self._ended
            or reader.awaits_message
            or not reader.clean
            or transport.is_closing()
            or transport.get_write_buffer_size()
        ):
            self.close()
            return
        if not self._reading:
            self.hold_reading(False)
        self._owner.release(self, promised, now)

    def abandon(self) -> None:
        """The exchange is over before its time: what is under way is of no use."""
        self._exchange = None
        self._owner.forget(self)
        if self.connected:
            self.transport.abort()
        else:
            self.give_up()

    def detach(self, *, full: bool) -> Detached:
        """Leave HTTP after a 101; `full` is whether the other end takes nothing for now."""
        self._exchange = None
        self._owner.forget(self)
        return Detached(self.transport, self._reader.take_rest(), ended=self._ended, full=full)

    def close(self) -> None:
        """Close when no exchange needs it any more."""
        self._owner.forget(self)
        if self.connected:
            self.transport.close()
        else:
            self.give_up()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The other end takes the request now."""
        self.transport = cast("asyncio.Transport", transport)
        self.connected = True
        if self._exchange is None:
            self.transport.abort()
        else:
            self._exchange.upstream_ready()

    def data_received(self, data: bytes) -> None:
        """Part of a response; a byte that nobody asked for ends the connection."""
        exchange, reader = self._exchange, self._reader
        if exchange is None:
            self.close()
        elif (head := reader.whole(data)) is not None:
            exchange.whole_response(head, data[head.octets :])
        elif reader.awaits_message:
            self.heard = True
            reader.receive(data)
            self._advance()
        else:
            self._fail(RemoteProtocolError("octets after the end of a response"))

    def eof_received(self) -> bool:
        """The other end sends no more: the end of the body, or of the connection."""
        self._ended = True
        if self._exchange is None:
            self._owner.forget(self)
            return False
        if self._reader.awaits_message:
            self._end_response()
        # The request may still be on its way to an end that has answered already; TLS has no
        # such half-open state.
        return self._exchange is not None and self.transport.can_write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, or was never made."""
        self._owner.forget(self)
        self._fail(exc)

    def pause_writing(self) -> None:
        """The other end takes no more of the request."""
        if self._exchange is not None:
            self._exchange.upstream_full(True)

    def resume_writing(self) -> None:
        """The other end takes the request again."""
        if self._exchange is not None:
            self._exchange.upstream_full(False)

    def _advance(self) -> None:
        try:
            while self._exchange is not None:
                event = self._reader.next_event()
                if event is None:
                    self._exchange.response_paused()
                    break
                self._exchange.response_event(event)
        except RemoteProtocolError as error:
            self._fail(error)

    def _end_response(self) -> None:
        """The response ends with the connection, or it is cut, or there is none."""
        self._reader.receive_eof()
        self._advance()
        if self._reader.awaits_message:
            self._fail(None)

    def _fail(self, error: Exception | None) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.upstream_failed(error)


def _nothing() -> None:
    """The default of `give_up`: nothing has begun yet."""
