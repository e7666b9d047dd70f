"""The public HTTP front: finds the tunnel of each request by its Host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Protocol, cast

from pgrok.http.forwarding import Visitor
from pgrok.http.pages import Code, Problem
from pgrok.relay.deadlines import Deadlines
from pgrok.relay.downstream import DownstreamConnection
from pgrok.relay.exchange import Exchange
from pgrok.relay.pool import Pool
from pgrok.relay.refusal import refuse_bytes
from pgrok.relay.splice import Detached
from pgrok.relay.timeouts import Timeouts
from pgrok.server.counts import Counts
from pgrok.server.decisions import Decisions, Event
from pgrok.server.members import Members
from pgrok.server.proxy.parking import Parking
from pgrok.server.proxy.senders import Senders, TooMany
from pgrok.server.proxy.streams import Streams
from pgrok.server.proxy.visitors import TOO_MANY, Visitors
from pgrok.server.proxy.ways import Ways
from pgrok.server.registry import Key
from pgrok.server.settings import LimitSettings

_SUSPICIOUS = frozenset(
    {Code.BAD_REQUEST, Code.OVERLOADED, Code.PARKING_FULL, Code.TOO_MANY_REQUESTS}
)


class HTTPTunnel(Protocol):
    """What the front needs of a tunnel."""

    pool: Pool | None


FindTunnel = Callable[[Key], HTTPTunnel | None]
"""Gives the tunnel that holds a name."""


class Front:
    """Serves visitors; `domain` is what tunnels' labels stand before, in lower case."""

    def __init__(
        self,
        find: FindTunnel,
        *,
        domain: str,
        scheme: str,
        visitors: Visitors,
        deadlines: Deadlines,
        counts: Counts,
        streams: Streams,
        decisions: Decisions,
        limits: LimitSettings,
        timeouts: Timeouts,
        parking_seconds: float,
    ) -> None:
        self._find = find
        self._scheme = scheme
        self._deadlines = deadlines
        self._counts = counts
        self._decisions = decisions
        self._timeouts = timeouts
        self._visitors = visitors
        self._ways = Ways(domain, visitors.is_trusted)
        self._senders = Senders(visitors.is_trusted, limits.requests_per_address)
        self.parking = Parking(deadlines, parking_seconds, limits)
        self.connections: Members[_VisitorConnection] = Members()
        self.streams = streams

    def accept(self) -> asyncio.Protocol:
        """Return the protocol of one visitor's connection, for `loop.create_server`."""
        return _VisitorConnection(self, self._deadlines, self._timeouts)

    def drain(self) -> None:
        """Close the connections that idle, and the others after the request they carry.

        Requests that wait for a tunnel are refused: it could not come back any more.
        """
        self.parking.close()
        for connection in self.connections:
            connection.close_when_idle()

    def enter(self, connection: _VisitorConnection, visitor: Visitor) -> Problem | None:
        """Let a connection in, or return what it is to be told."""
        problem = self._visitors.enter(visitor.address)
        if problem is None:
            self.connections.enter(connection)
            self._counts.visitors["http"] += 1
        return problem

    def leave(self, connection: _VisitorConnection, visitor: Visitor) -> None:
        """A connection that was let in is gone."""
        self.connections.leave(connection)
        self._visitors.leave(visitor.address)

    def leave_http(self, connection: _VisitorConnection, visitor: Visitor) -> Callable[[], None]:
        """A connection is a stream from now on; return what is to be called when it is gone."""
        self.connections.leave(connection)
        return self.streams.enter("websocket", partial(self._visitors.leave, visitor.address))

    def route(self, exchange: Exchange, visitor: Visitor) -> None:
        """Send one request into its tunnel, if its sender may have another; maybe once more."""
        request = exchange.request
        way = (self._ways.recall if request.small else self._ways.find)(request, visitor)
        if way.forwarded_for and exchange.sender is None:
            try:
                exchange.sender = self._senders.enter(way.forwarded_for)
            except TooMany:
                exchange.refuse(TOO_MANY)
                return
        label = way.label
        if label in self.parking.expected:
            self.parking.park(label, exchange, exchange.route_again)
            return
        tunnel = self._find(way.key)
        if tunnel is None or tunnel.pool is None:
            exchange.refuse(Problem(Code.NO_TUNNEL, 502))
            return
        exchange.forward(tunnel.pool, way.route)

    def finished(self, exchange: Exchange, seconds: float, visitor: Visitor) -> None:
        """Count one request; of one that is over nothing is kept."""
        status = exchange.status
        if not status:
            self.parking.leave(exchange)
        if exchange.sender is not None:
            self._senders.leave(exchange.sender)
        counts = self._counts
        counts.requests[status] += 1
        counts.latencies.add(seconds)
        if exchange.refusal is not None:
            self.refused(exchange.refusal, visitor)

    def refused(self, code: Code, visitor: Visitor) -> None:
        """Count what was not answered by a target; log what its sender may have done on purpose."""
        if code in _SUSPICIOUS:
            self._decisions.refused(Event.REQUEST, code.value, peer=visitor.address)
        else:
            self._decisions.count(Event.REQUEST, code.value)

    def gave_up(self, visitor: Visitor) -> None:
        """Count and log a visitor who read nothing for too long."""
        self._decisions.refused(Event.VISITOR, "reads nothing", peer=visitor.address)

    def visitor_at(self, address: str) -> Visitor:
        """Return what is to be told of whoever connects from `address`."""
        return Visitor(address, self._scheme, trusted=self._visitors.is_trusted(address))


class _VisitorConnection(DownstreamConnection):
    """One visitor's connection; its requests may be for different hosts, behind a proxy."""

    __slots__ = ("_front", "_visitor")

    def __init__(self, front: Front, deadlines: Deadlines, timeouts: Timeouts) -> None:
        super().__init__(self, deadlines, timeouts)
        self._front = front
        self._visitor: Visitor | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who it is, if there is room."""
        peername = transport.get_extra_info("peername")
        if not peername:
            transport.close()
            return
        visitor = self._front.visitor_at(peername[0])
        problem = self._front.enter(self, visitor)
        if problem is not None:
            cast("asyncio.Transport", transport).write(refuse_bytes(problem))
            transport.close()
            return
        self._visitor = visitor
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget about them."""
        super().connection_lost(exc)
        visitor, self._visitor = self._visitor, None
        if visitor is not None:
            self._front.leave(self, visitor)

    def leave(self) -> Detached:
        """Leave HTTP after a 101."""
        detached = super().leave()
        visitor, self._visitor = self._visitor, None
        assert visitor is not None
        return replace(detached, on_lost=self._front.leave_http(self, visitor))

    def reader_stalled(self) -> None:
        """Count it: who opens many connections like this one means no good."""
        if self._visitor is not None:
            self._front.gave_up(self._visitor)
        super().reader_stalled()

    def route(self, exchange: Exchange) -> None:
        """Backend: find the tunnel."""
        assert self._visitor is not None
        self._front.route(exchange, self._visitor)

    def finished(self, exchange: Exchange, seconds: float) -> None:
        """Backend: count it."""
        if self._visitor is not None:
            self._front.finished(exchange, seconds, self._visitor)

    def refused(self, problem: Problem) -> None:
        """Backend: count it."""
        if self._visitor is not None:
            self._front.refused(problem.code, self._visitor)
