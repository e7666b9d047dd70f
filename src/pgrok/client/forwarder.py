"""Serves the channels of a tunnel: each request, or each stream, goes to a local target."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from pgrok.address import Address, TargetURL
from pgrok.client.dialer import Dialer, explain
from pgrok.client.records import LogRequest
from pgrok.client.targets import Rules, Target
from pgrok.http.forwarding import forward_request
from pgrok.http.head import FROM_OTHER_END, RequestHead
from pgrok.http.pages import Code, Problem
from pgrok.http.remembering import remembering
from pgrok.relay.deadlines import Deadlines
from pgrok.relay.downstream import DownstreamConnection
from pgrok.relay.exchange import Exchange
from pgrok.relay.pool import Pool
from pgrok.relay.route import Route
from pgrok.relay.splice import SpliceEnd
from pgrok.relay.timeouts import Timeouts

TIMEOUTS = Timeouts(
    head=90.0, idle=90.0, body=600.0, connect=60.0, response=3600.0, stalled=3600.0, linger=5.0
)
"""Longer than any server's: it is the server that decides how long a visitor waits."""

_ESCAPE = Problem(Code.BAD_REQUEST, 400, "The path leaves what is public here.")

Accept = Callable[[Address], asyncio.Protocol]


def http_acceptor(rules: Rules, log: LogRequest) -> Accept:
    """Return what serves the channels of an http tunnel; call it within the loop.

    Every request goes where `rules` say and is told to `log` when its response has ended.
    """
    forwarder = _Forwarder(rules, log)
    return lambda _originator: _Channel(forwarder)


def tcp_acceptor(target: Address) -> Accept:
    """Return what serves the channels of a tcp tunnel; call it within the loop."""
    dialer = Dialer(target)

    def accept(_originator: Address) -> asyncio.Protocol:
        channel_end, target_end = SpliceEnd(), SpliceEnd()
        channel_end.join(target_end)
        target_end.give_up = dialer.dial(target_end)
        return channel_end

    return accept


class _Forwarder:
    """What the channels of one tunnel share: the rules, and idle connections to the targets."""

    def __init__(self, rules: Rules, log: LogRequest) -> None:
        self._rules = rules
        self.log = log
        self.recall_way = remembering(self.find_way)
        """As `find_way`, of a request with a small head."""
        self.deadlines = Deadlines(asyncio.get_running_loop())
        self._pools: dict[TargetURL, Pool] = {}
        self._destinations: dict[Target, _Destination] = {}

    def find_way(self, request: RequestHead) -> _Way | None:
        """Return where a request goes, and as what; None if it leaves what is public here."""
        target = self._rules.match(request.target)
        if target.escapes(request.target):
            return None
        destination = self._destination(target)
        head = forward_request(request, target.rewrite(request.target))
        return _Way(destination.pool, Route(request, head, destination.explain))

    def _destination(self, target: Target) -> _Destination:
        """Return the way to a target, made at its first request."""
        known = self._destinations.get(target)
        if known is None:
            known = self._destinations[target] = self._find(target.url)
        return known

    def _find(self, url: TargetURL) -> _Destination:
        place = replace(url, base_path="")
        if place not in self._pools:
            dialer = Dialer(url.address, secure=url.secure)
            self._pools[place] = Pool(dialer.dial, self.deadlines)
        return _Destination(url.address, self._pools[place])


@dataclass(frozen=True, slots=True)
class _Way:
    """What follows from a request's head: where it goes, and as what."""

    pool: Pool
    route: Route


class _Destination:
    """One target, as far as its requests are concerned; rules may share its connections."""

    def __init__(self, address: Address, pool: Pool) -> None:
        self._address = address
        self.pool = pool

    def explain(self, error: Exception | None) -> Problem:
        """Say for visitors why no response came."""
        return Problem(Code.TARGET_DOWN, 502, explain(self._address, error))


class _Channel(DownstreamConnection):
    """One channel; requests come on it one after the other."""

    __slots__ = ("_forwarder",)

    def __init__(self, forwarder: _Forwarder) -> None:
        super().__init__(self, forwarder.deadlines, TIMEOUTS, FROM_OTHER_END)
        self._forwarder = forwarder

    def route(self, exchange: Exchange) -> None:
        """Backend: choose the target by the path."""
        request, forwarder = exchange.request, self._forwarder
        way = (forwarder.recall_way if request.small else forwarder.find_way)(request)
        if way is None:
            exchange.refuse(_ESCAPE)
        else:
            exchange.forward(way.pool, way.route)

    def finished(self, exchange: Exchange, seconds: float) -> None:
        """Backend: log the request."""
        request, log = exchange.request, self._forwarder.log
        log(request.method, request.target, exchange.status, seconds)

    def refused(self, problem: Problem) -> None:
        """Backend: what is no request is no line in the log."""
