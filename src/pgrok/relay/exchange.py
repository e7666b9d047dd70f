"""One request and its response, between a downstream and an upstream connection.

The downstream connection makes an exchange for each request and asks its backend where it goes;
the backend calls `forward` or `refuse`, at once or later. From then on both connections report
what happens here, and the exchange says what follows from it.

Most requests are over with their heads, and most responses come in one piece; what is needed for
an upload, or for a response in parts, is made when there is one.
"""

from __future__ import annotations

import asyncio

from pgrok.errors import ConnectionLost, RemoteProtocolError
from pgrok.http.body import NO_TRAILERS
from pgrok.http.forwarding import ForwardedResponse
from pgrok.http.head import CONTINUE, SWITCHING_PROTOCOLS, RequestHead, ResponseHead
from pgrok.http.pages import Code, Problem
from pgrok.http.reader import Body
from pgrok.relay.answer import Answer
from pgrok.relay.interfaces import Downstream
from pgrok.relay.pool import Pool, PoolFull
from pgrok.relay.refusal import refuse_request
from pgrok.relay.route import Route
from pgrok.relay.splice import splice
from pgrok.relay.upload import Upload
from pgrok.relay.upstream import UpstreamConnection


class Exchange:
    """One request and its response."""

    __slots__ = (
        *("_answer", "_came", "_downstream", "_keep_alive", "_over", "_repeated", "_route"),
        *("_upload", "_upstream"),
        *("began", "refusal", "request", "sender", "status", "takes_request"),
    )

    _route: Route
    """From `forward` on."""

    def __init__(self, downstream: Downstream, request: RequestHead) -> None:
        self.request = request
        self.began = downstream.loop.time()
        """When the request's head was read, in the loop's time."""
        self.status = 0
        """The response's, 0 before there is one."""
        self.refusal: Code | None = None
        """Why the response is not the target's, if it is not."""
        self.sender: object = None
        """Whom the backend counts it for, if it does."""
        self.takes_request = False
        """Whether the next part of the request can be dealt with now."""
        self._downstream = downstream
        self._upstream: UpstreamConnection | None = None
        self._upload = None if request.whole else Upload(request)
        self._came: ResponseHead | None = None
        self._answer: Answer | None = None
        self._keep_alive = downstream.keeps_alive
        self._repeated = False
        self._over = False

    # For the backend

    def forward(self, pool: Pool, route: Route) -> None:
        """Send the request to where the pool leads, as `route` says."""
        if self._over:
            return
        self._route = route
        request = self.request
        try:
            # One that idled may be about to close like the one before.
            upstream = pool.dial() if self._repeated else pool.take(request.safe_to_repeat)
        except PoolFull:
            self.refuse(Problem(Code.OVERLOADED, 503, retry_after=1))
            return
        self._upstream = upstream
        if not upstream.serve(self, request.method):
            return
        if self._upload is None:
            self.takes_request = True
            upstream.transport.write(route.head)
        else:
            self.upstream_ready()

    def route_again(self) -> None:
        """Have the backend say once more where the request goes: it is waited for anew."""
        if not self._over:
            self._downstream.route_again()

    def refuse(self, problem: Problem) -> None:
        """Answer the request here."""
        if self._over:
            return
        self.refusal = problem.code
        self.status = problem.status
        refusal = refuse_request(
            problem, self.request, body_read=self._is_read(), keep_alive=self._keep_alive
        )
        self._keep_alive = refusal.keep_alive
        self.response_paused()
        self._end(refusal.output)

    # For the downstream connection

    @property
    def waits_for_request(self) -> bool:
        """Whether it is the request's sender who has to go on."""
        upload = self._upload
        if upload is None or upload.ended or upload.awaits_continue:
            return False
        return self.takes_request

    @property
    def connecting(self) -> bool:
        """Whether the connection to where the request goes is still being made."""
        return self._upstream is not None and not self._upstream.connected

    @property
    def body_target(self) -> asyncio.Transport | None:
        """Where the rest of the request's body goes as it is, if it does so now."""
        upload, upstream = self._upload, self._upstream
        if upload is None or upstream is None or not (upload.is_plain and self.takes_request):
            return None
        return upstream.transport

    def request_body(self, body: Body) -> None:
        """Pass on part of the request."""
        assert self._upload is not None
        self._upload.add(body)
        if self._upload.ended and self._is_answered():
            self.request_paused()
            self.response_paused()
            self._end()

    def request_paused(self) -> None:
        """No more of the request is there yet: send on what has been collected."""
        upload, upstream = self._upload, self._upstream
        if upload is not None and upstream is not None and (output := upload.take_output()):
            upstream.write(output)

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
        self.takes_request = True
        if self._upload is None:
            self._upstream.transport.write(self._route.head)
        else:
            self._upload.begin(self._route.head)
        self._downstream.request_flow_changed()

    def whole_response(self, head: ResponseHead, body: bytes) -> None:
        """Pass on the final response, which came in one piece."""
        if self._upload is None or self._upload.ended:
            if self._answer is not None:
                self.response_paused()
            self._end(self._forward(head).head + body)
            return
        self.response_event(head)
        if not self._over:
            self.response_event(Body([memoryview(body)] if body else [], NO_TRAILERS))
            self.response_paused()

    def response_event(self, event: ResponseHead | Body) -> None:
        """Pass on part of the response."""
        if isinstance(event, Body):
            assert self._answer is not None
            self._answer.add(event)
        else:
            self._receive_head(event)
        if self._is_answered() and self._needs_no_more():
            self.response_paused()
            self._end()

    def response_paused(self) -> None:
        """Send on what has been collected of the response."""
        if self._answer is not None and (output := self._answer.take_output()):
            self._downstream.send(output)

    def upstream_full(self, full: bool) -> None:
        """Stop reading the request while its target does not keep up."""
        self.takes_request = not full
        self._downstream.request_flow_changed()

    def upstream_failed(self, error: Exception | None) -> None:
        """Answer in the target's place, try again, or show that the response was cut."""
        upstream, self._upstream = self._upstream, None
        if self._over or upstream is None:
            return
        if upstream.connected:
            upstream.abandon()
        if self._is_answered():
            self.response_paused()
            self._end()
        elif self._came is not None:
            self.response_paused()
            self._over = True
            self._downstream.exchange_cut()
        elif self._may_repeat(upstream, error):
            self._repeated = True
            self.takes_request = False
            self._downstream.route_again()
        else:
            self.refuse(self._problem_with(error))

    # Inside

    def _is_read(self) -> bool:
        """Whether all of the request has been read."""
        return self._upload is None or self._upload.ended

    def _is_answered(self) -> bool:
        """Whether all of the response has come."""
        return self._answer is not None and self._answer.ended

    def _needs_no_more(self) -> bool:
        """Whether nothing more of the request is waited for."""
        upload, came = self._upload, self._came
        return self._is_read() or (
            came is not None and upload is not None and upload.is_unwanted(came)
        )

    def _may_repeat(self, upstream: UpstreamConnection, error: Exception | None) -> bool:
        """Whether the request may be sent once more: it changes nothing, no octet of a response
        came, and it is not the application's doing that none did."""
        lost = upstream.reused or isinstance(error, ConnectionLost)
        repeatable = self.request.safe_to_repeat
        return lost and not upstream.heard and repeatable and not self._repeated

    def _problem_with(self, error: Exception | None) -> Problem:
        if isinstance(error, RemoteProtocolError):
            return Problem(Code.BAD_RESPONSE, 502)
        return self._route.explain(error)

    def _receive_head(self, head: ResponseHead) -> None:
        if self._answer is None:
            self._answer = Answer(self.request, self._route.host)
        if head.interim:
            if head.status == CONTINUE and self._upload is not None:
                self._upload.awaits_continue = False
            self._answer.add_interim(head)
            return
        if head.status == SWITCHING_PROTOCOLS and not self._may_switch(head):
            raise RemoteProtocolError("a 101 that nobody asked for")
        self._answer.begin(head, self._forward(head))
        if head.status == SWITCHING_PROTOCOLS:
            self._switch()

    def _forward(self, head: ResponseHead) -> ForwardedResponse:
        """Take the head of the final response; return how it goes on."""
        upload = self._upload
        if upload is not None and upload.is_unwanted(head):
            self._keep_alive = False
        keep_alive = self._keep_alive and self.request.keep_alive
        forwarded = self._route.forward_response(head, keep_alive)
        self._came = head
        self.status = head.status
        self._keep_alive = forwarded.keep_alive
        return forwarded

    def _may_switch(self, head: ResponseHead) -> bool:
        return self.request.websocket and head.fields.tokens(b"upgrade") == [b"websocket"]

    def _switch(self) -> None:
        """Go over to what the 101 says (RFC 9110 15.2.2): bytes, both ways."""
        assert self._upstream is not None
        self.response_paused()
        self._over = True
        upstream = self._upstream.detach(full=not self.takes_request)
        splice(self._downstream.leave(), upstream)

    def _end(self, output: bytes = b"") -> None:
        """The response is complete with `output`; connections are kept if the request is too."""
        self._over = True
        downstream, now = self._downstream, self._downstream.loop.time()
        upstream, self._upstream = self._upstream, None
        came, upload = self._came, self._upload
        if upstream is not None:
            if came is None or not (upload is None or upload.ended):
                upstream.abandon()
            else:
                upstream.finish(came.keep_alive, came.idle_seconds, now)
        downstream.exchange_over(output, self._keep_alive, now)
