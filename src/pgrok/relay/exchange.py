"""One request and its response, between a downstream and an upstream connection.

The downstream connection makes an exchange for each request and asks its backend where it goes;
the backend calls `forward` or `refuse`, at once or later. From then on both connections report
what happens here, and the exchange says what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pgrok.errors import ConnectionLost, RemoteProtocolError
from pgrok.http.body import encode_body
from pgrok.http.head import (
    CONTINUE,
    SWITCHING_PROTOCOLS,
    Framing,
    RequestHead,
    ResponseHead,
)
from pgrok.http.pages import Code, Problem
from pgrok.http.reader import Body
from pgrok.relay.answer import Answer
from pgrok.relay.interfaces import Downstream, Output
from pgrok.relay.pool import Pool, PoolFull
from pgrok.relay.splice import splice
from pgrok.relay.upstream import UpstreamConnection


@dataclass(slots=True)
class Route:
    """Where a request goes, as what, and what changes on the way back.

    `head` is the request's head as it goes on. `explain` says for visitors what it means that no
    response came. With a `host`, cookies for domains outside of it are left out of the response.
    """

    pool: Pool
    head: bytes
    explain: Callable[[Exception | None], Problem]
    host: str | None = None


class Exchange:
    """One request and its response."""

    __slots__ = (
        *("_answer", "_awaits_continue", "_downstream", "_over", "_repeatable", "_repeated"),
        *("_request_ended", "_route", "_to_upstream", "_upstream"),
        *("began", "refusal", "request", "sender", "takes_request"),
    )

    def __init__(self, downstream: Downstream, request: RequestHead) -> None:
        self.request = request
        self.began = downstream.loop.time()
        self.refusal: Code | None = None
        """Why the response is not the target's, if it is not."""
        self.sender: object = None
        """Whom the backend counts it for, if it does."""
        self.takes_request = False
        """Whether the next part of the request can be dealt with now."""
        self._downstream = downstream
        self._route: Route | None = None
        self._upstream: UpstreamConnection | None = None
        self._answer = Answer(request, keep_alive=downstream.keeps_alive)
        self._to_upstream: Output = []
        self._request_ended = request.framing is Framing.NONE
        self._awaits_continue = request.expects_continue
        self._repeatable = request.safe_to_repeat
        self._repeated = False
        self._over = False

    @property
    def status(self) -> int:
        """The response's status, 0 before there is one."""
        return self._answer.status

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
        pool = route.pool
        try:
            # One that idled may be about to close like the one before.
            upstream = pool.dial() if self._repeated else pool.take(repeatable=self._repeatable)
        except PoolFull:
            self.refuse(Problem(Code.OVERLOADED, 503, retry_after=1))
            return
        self._upstream = upstream
        upstream.serve(self)

    def refuse(self, problem: Problem) -> None:
        """Answer the request here."""
        if self._over:
            return
        self.refusal = problem.code
        self._answer.refuse(problem, request_read=self._request_ended)
        self._end()

    # For the downstream connection

    @property
    def waits_for_request(self) -> bool:
        """Whether it is the request's sender who has to go on."""
        return self.takes_request and not (self._request_ended or self._awaits_continue)

    def request_body(self, body: Body) -> None:
        """Pass on part of the request."""
        self._awaits_continue = False
        self._to_upstream += encode_body(self.request.framing, body.pieces, body.trailers)
        if body.trailers is not None:
            self._request_ended = True
            if self._answer.ended:
                self.request_paused()
                self._end()

    def request_paused(self) -> None:
        """No more of the request is there yet: send on what has been collected."""
        if self._to_upstream and self._upstream is not None:
            output, self._to_upstream = self._to_upstream, []
            self._upstream.write(output)

    def too_slow(self) -> None:
        """The target has been waited for long enough."""
        self.refuse(Problem(Code.TARGET_SLOW, 504))

    def downstream_full(self, full: bool) -> None:
        """The sender of the request takes no more of the response for now, or does again."""
        if self._upstream is not None:
            self._upstream.hold_reading(full)

    def downstream_lost(self) -> None:
        """The sender of the request is gone."""
        self._over = True
        if self._upstream is not None:
            self._upstream.abandon()
            self._upstream = None

    # For the upstream connection: ResponseSink

    def upstream_ready(self) -> None:
        """Write the request's head, together with what the downstream connection has of it."""
        assert self._upstream is not None
        assert self._route is not None
        self._upstream.begin(self.request.method)
        self._to_upstream.append(self._route.head)
        self.takes_request = True
        self._downstream.request_flow_changed()

    def response_event(self, event: ResponseHead | Body) -> None:
        """Pass on part of the response."""
        answer = self._answer
        if isinstance(event, Body):
            answer.add(event)
        else:
            self._receive_head(event)
        if answer.ended and (self._request_ended or self._needs_no_more()):
            self._end()

    def response_paused(self) -> None:
        """Send on what has been collected of the response."""
        if output := self._answer.take_output():
            self._downstream.send(output)

    def upstream_full(self, full: bool) -> None:
        """Stop reading the request while its target does not keep up."""
        self.takes_request = not full
        self._downstream.request_flow_changed()

    def upstream_failed(self, error: Exception | None) -> None:
        """Answer in the target's place, try again, or show that the response was cut."""
        upstream, self._upstream = self._upstream, None
        if self._over or upstream is None or self._route is None:
            return
        if upstream.connected:
            upstream.abandon()
        if self._answer.ended:
            self._end()
        elif self._answer.came is not None:
            self.response_paused()
            self._over = True
            self._downstream.exchange_cut()
        elif self._may_repeat(upstream, error):
            self._repeated = True
            self.takes_request = False
            self._to_upstream.clear()
            self._downstream.route_again()
        else:
            self.refuse(self._explain(self._route, error))

    # Inside

    def _may_repeat(self, upstream: UpstreamConnection, error: Exception | None) -> bool:
        """Whether the request may be sent once more: it changes nothing, no octet of a response
        came, and it is not the application's doing that none did."""
        lost = upstream.reused or isinstance(error, ConnectionLost)
        return lost and not upstream.heard and self._repeatable and not self._repeated

    def _explain(self, route: Route, error: Exception | None) -> Problem:
        if isinstance(error, RemoteProtocolError):
            return Problem(Code.BAD_RESPONSE, 502)
        return route.explain(error)

    def _receive_head(self, head: ResponseHead) -> None:
        assert self._route is not None
        if head.interim:
            if head.status == CONTINUE:
                self._awaits_continue = False
            self._answer.add_interim(head)
            return
        if head.status == SWITCHING_PROTOCOLS and not self._may_switch(head):
            raise RemoteProtocolError("a 101 that nobody asked for")
        if not self._request_ended and self._request_is_unwanted(head):
            self._answer.keep_alive = False
        self._answer.begin(head, host=self._route.host)
        if head.status == SWITCHING_PROTOCOLS:
            self._switch()

    def _may_switch(self, head: ResponseHead) -> bool:
        return self.request.websocket and head.fields.tokens(b"upgrade") == [b"websocket"]

    def _switch(self) -> None:
        """Go over to what the 101 says (RFC 9110 15.2.2): bytes, both ways."""
        assert self._upstream is not None
        self.response_paused()
        self._over = True
        upstream = self._upstream.detach(full=not self.takes_request)
        splice(self._downstream.leave(), upstream)

    def _request_is_unwanted(self, head: ResponseHead) -> bool:
        """Whether the rest of the request will not come (RFC 9110 10.1.1), or finds nobody."""
        return self._awaits_continue or not head.keep_alive

    def _needs_no_more(self) -> bool:
        came = self._answer.came
        return came is None or self._request_is_unwanted(came)

    def _end(self) -> None:
        """The response is complete; the connections are kept if the request is too."""
        self._over = True
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            self._give_back(upstream)
        answer = self._answer
        self._downstream.exchange_over(answer.take_output(), keep_alive=answer.keep_alive)

    def _give_back(self, upstream: UpstreamConnection) -> None:
        came = self._answer.came
        if came is None or not self._request_ended:
            upstream.abandon()
        else:
            upstream.finish(keep_alive=came.keep_alive, promised=came.idle_seconds)
