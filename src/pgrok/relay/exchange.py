"""One request and its response, between a downstream and an upstream connection.

The downstream connection makes an exchange for each request and asks its backend where it goes;
the backend calls `forward` or `refuse`, at once or later. From then on both connections report
what happens here, and the exchange says what follows from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pgrok.errors import RemoteProtocolError
from pgrok.http.body import BodyWriter
from pgrok.http.forwarding import request_for_upstream, response_for_downstream
from pgrok.http.head import Framing, RequestHead, ResponseHead, keep_alive_timeout
from pgrok.http.pages import Code, Problem
from pgrok.http.reader import Body, End
from pgrok.relay.pool import Pool, PoolFull
from pgrok.relay.refusal import refuse_request
from pgrok.relay.splice import splice

if TYPE_CHECKING:
    from pgrok.relay.upstream import UpstreamConnection

SWITCHING_PROTOCOLS = 101
DEFAULT_KEEP_ALIVE = 5.0
"""Seconds that an end keeps an idle connection if it does not say; Node.js closes after 5."""

Output = list[bytes | memoryview]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes and what changes on the way.

    `explain` says for visitors what it means that no response came.
    """

    pool: Pool
    request: RequestHead
    rewrite_response: Callable[[ResponseHead], ResponseHead]
    explain: Callable[[Exception | None], Problem]


class Downstream(Protocol):
    """What an exchange asks of the connection that its request came on."""

    loop: asyncio.AbstractEventLoop

    def send(self, output: Output) -> None:
        """Write part of the response."""

    def request_flow_changed(self) -> None:
        """Whether the request is taken has changed: read on, or stop reading."""

    def is_full(self) -> bool:
        """Whether it takes no more of the response for now."""

    def exchange_over(self, *, keep_alive: bool, cut: bool = False) -> None:
        """The response is complete, or cut: go on to the next request, or close."""

    def leave(self) -> tuple[asyncio.Transport, bytes]:
        """Leave HTTP after a 101; return the transport and what was read beyond the request."""


class Exchange:
    """One request and its response."""

    def __init__(self, downstream: Downstream, request: RequestHead) -> None:
        self.request = request
        self.status = 0
        self.began = downstream.loop.time()
        self._downstream = downstream
        self._route: Route | None = None
        self._upstream: UpstreamConnection | None = None
        self._to_upstream: Output = []
        self._to_downstream: Output = []
        self._request_writer = BodyWriter(Framing.NONE)
        self._response_writer = BodyWriter(Framing.NONE)
        self._response: ResponseHead | None = None
        self._request_sent = False
        self._request_ended = False
        self._response_ended = False
        self._keep_downstream = True
        self._upstream_full = False
        self._repeated = False
        self._over = False

    @property
    def duration(self) -> float:
        """Seconds since the request's head was read."""
        return self._downstream.loop.time() - self.began

    # For the backend

    def forward(self, route: Route) -> None:
        """Send the request where `route` says."""
        if self._over:
            return
        self._route = route
        request = route.request
        self._request_writer = BodyWriter(request.framing)
        self._take_upstream(lambda: route.pool.take(repeatable=request.safe_to_repeat))

    def refuse(self, problem: Problem) -> None:
        """Answer the request here."""
        if self._over:
            return
        refusal = refuse_request(problem, self.request, body_read=self._request_ended)
        self.status = problem.status
        self._to_downstream.append(refusal.output)
        self._response_ended = True
        self._end(keep_alive=refusal.keep_alive)

    # For the downstream connection

    @property
    def request_ended(self) -> bool:
        """Whether the request has been read to its end."""
        return self._request_ended

    @property
    def takes_request(self) -> bool:
        """Whether the next part of the request can be dealt with now."""
        return self._request_sent and not self._upstream_full

    def request_event(self, event: Body | End) -> None:
        """Pass on part of the request."""
        if isinstance(event, Body):
            self._to_upstream += self._request_writer.encode(event.pieces)
            return
        self._request_ended = True
        if rest := self._request_writer.end(event.trailers):
            self._to_upstream.append(rest)
        if self._response_ended:
            self.request_paused()
            self._end(keep_alive=True)

    def request_paused(self) -> None:
        """No more of the request is there yet: send on what has been collected."""
        if self._to_upstream and self._upstream is not None:
            output, self._to_upstream = self._to_upstream, []
            self._upstream.write(output)

    @property
    def answered(self) -> bool:
        """Whether the response has begun."""
        return self.status != 0

    def too_slow(self) -> None:
        """The target has been waited for long enough."""
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.abandon()
        self.refuse(Problem(Code.TARGET_SLOW, 504))

    def downstream_full(self, full: bool) -> None:
        """The sender of the request takes no more of the response for now, or does again."""
        if self._upstream is not None and self._upstream.connected:
            if full:
                self._upstream.transport.pause_reading()
            else:
                self._upstream.transport.resume_reading()

    def downstream_lost(self) -> None:
        """The sender of the request is gone, or has broken the protocol."""
        self._over = True
        if self._upstream is not None:
            self._upstream.abandon()
            self._upstream = None

    # For the upstream connection: ResponseSink

    def upstream_ready(self) -> None:
        """Write the request's head, together with what the downstream connection has of it."""
        assert self._upstream is not None
        assert self._route is not None
        if self._downstream.is_full():
            self._upstream.transport.pause_reading()
        request = request_for_upstream(self._route.request)
        self._upstream.begin(request)
        self._to_upstream.append(request.encode())
        self._request_sent = True
        self._downstream.request_flow_changed()

    def response_event(self, event: ResponseHead | Body | End) -> None:
        """Pass on part of the response."""
        if isinstance(event, Body):
            self._to_downstream += self._response_writer.encode(event.pieces)
        elif isinstance(event, End):
            self._to_downstream.append(self._response_writer.end(event.trailers))
            self._response_ended = True
            if self._request_ended or self._upstream_is_done():
                self._end(keep_alive=self._request_ended)
        else:
            self._receive_head(event)

    def response_paused(self) -> None:
        """Send on what has been collected of the response."""
        if self._to_downstream:
            output, self._to_downstream = self._to_downstream, []
            self._downstream.send(output)

    def upstream_full(self, full: bool) -> None:
        """Stop reading the request while its target does not keep up."""
        self._upstream_full = full
        self._downstream.request_flow_changed()

    def upstream_failed(self, error: Exception | None) -> None:
        """Answer in the target's place, try again, or show that the response was cut."""
        upstream, self._upstream = self._upstream, None
        if self._over or upstream is None or self._route is None:
            return
        if upstream.connected:
            upstream.abandon()
        if self._response_ended:
            self._end(keep_alive=False)
        elif self._response is not None:
            self.response_paused()
            self._over = True
            self._downstream.exchange_over(keep_alive=False, cut=True)
        elif upstream.reused and self._route.request.safe_to_repeat and not self._repeated:
            self._repeat(self._route)
        else:
            self.refuse(self._explain(self._route, error))

    # Inside

    def _take_upstream(self, take: Callable[[], UpstreamConnection]) -> None:
        try:
            self._upstream = take()
        except PoolFull:
            self.refuse(Problem(Code.OVERLOADED, 503, retry_after=1))
            return
        self._upstream.serve(self)

    def _repeat(self, route: Route) -> None:
        """Send the request once more, on a connection that cannot have been closing."""
        self._repeated = True
        self._request_sent = False
        self._to_upstream.clear()
        self._take_upstream(route.pool.dial)

    def _explain(self, route: Route, error: Exception | None) -> Problem:
        if isinstance(error, RemoteProtocolError):
            return Problem(Code.BAD_RESPONSE, 502)
        return route.explain(error)

    def _receive_head(self, head: ResponseHead) -> None:
        assert self._route is not None
        if head.status == SWITCHING_PROTOCOLS:
            self._switch(head)
            return
        response = response_for_downstream(
            self._route.rewrite_response(head), self.request, keep_alive=True
        )
        if head.interim:
            if self.request.minor_version:
                self._to_downstream.append(response.encode())
            return
        self._response = head
        self._keep_downstream = response.keep_alive
        self.status = head.status
        self._response_writer = BodyWriter(response.framing)
        self._to_downstream.append(response.encode())

    def _switch(self, head: ResponseHead) -> None:
        """Go over to what the 101 says (RFC 9110 15.2.2): bytes, both ways."""
        assert self._upstream is not None
        assert self._route is not None
        if not self.request.websocket:
            raise RemoteProtocolError("a 101 to a request without Upgrade")
        self.status = head.status
        response = response_for_downstream(
            self._route.rewrite_response(head), self.request, keep_alive=False
        )
        self._to_downstream.append(response.encode())
        self.response_paused()
        self._over = True
        upstream, answered = self._upstream.detach()
        downstream, asked = self._downstream.leave()
        splice(downstream, upstream)
        if asked:
            upstream.write(asked)
        if answered:
            downstream.write(answered)

    def _upstream_is_done(self) -> bool:
        """Whether the rest of the request has nowhere to go."""
        return self._response is not None and not self._response.keep_alive

    def _end(self, *, keep_alive: bool) -> None:
        """The response is complete, and so is the request unless `keep_alive` is false."""
        self.response_paused()
        self._over = True
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            self._give_back(upstream, complete=keep_alive)
        self._downstream.exchange_over(keep_alive=keep_alive and self._keep_downstream)

    def _give_back(self, upstream: UpstreamConnection, *, complete: bool) -> None:
        response = self._response
        if not complete or response is None:
            upstream.abandon()
            return
        promised = keep_alive_timeout(response)
        upstream.finish(
            keep_alive=response.keep_alive,
            promised=DEFAULT_KEEP_ALIVE if promised is None else promised,
        )
