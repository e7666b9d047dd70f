"""The response of an exchange, as it goes on to whoever sent the request."""

from __future__ import annotations

from pgrok.errors import RemoteProtocolError
from pgrok.http.body import encode_body
from pgrok.http.forwarding import forward_response
from pgrok.http.head import SWITCHING_PROTOCOLS, Framing, RequestHead, ResponseHead
from pgrok.http.pages import Problem
from pgrok.http.reader import Body
from pgrok.relay.interfaces import Output
from pgrok.relay.refusal import refuse_request

MAX_INTERIM = 128
"""Interim responses to one request; who sends a 102 every 20 s does so for 40 minutes."""


class Answer:
    """Collects what is to be written; `status` is 0 until the response has begun."""

    __slots__ = (
        *("_framing", "_interim", "_output", "_request"),
        *("came", "ended", "keep_alive", "status"),
    )

    def __init__(self, request: RequestHead, *, keep_alive: bool) -> None:
        self.status = 0
        self.ended = False
        self.keep_alive = keep_alive
        """Whether the connection that the request came on can be kept after it."""
        self.came: ResponseHead | None = None
        """The final head, as the target sent it."""
        self._request = request
        self._framing = Framing.NONE
        self._interim = 0
        self._output: Output = []

    def take_output(self) -> Output:
        """Return what has been collected since the last time."""
        output, self._output = self._output, []
        return output

    def begin(self, head: ResponseHead, *, host: str | None) -> None:
        """Take the head of the final response, which may be all of it.

        With a `host`, cookies for domains outside of it are left out.
        """
        response = forward_response(head, self._request, self.keep_alive, host)
        self.came = head
        self.status = head.status
        self.keep_alive = response.keep_alive
        self._framing = response.framing
        self._output.append(response.head)
        self.ended = head.framing is Framing.NONE and head.status != SWITCHING_PROTOCOLS

    def add_interim(self, head: ResponseHead) -> None:
        """Take the head of an interim response, which HTTP/1.0 is told nothing of.

        Raises `RemoteProtocolError` for one too many: each lets the wait for the final one begin
        anew.
        """
        self._interim += 1
        if self._interim > MAX_INTERIM:
            raise RemoteProtocolError(f"more than {MAX_INTERIM} interim responses")
        if self._request.minor_version:
            response = forward_response(head, self._request, True)
            self._output.append(response.head)

    def add(self, body: Body) -> None:
        """Take some of the response's body."""
        self._output += encode_body(self._framing, body.pieces, body.trailers)
        self.ended = body.trailers is not None

    def refuse(self, problem: Problem, *, request_read: bool) -> None:
        """Answer in the target's place."""
        refusal = refuse_request(
            problem, self._request, body_read=request_read, keep_alive=self.keep_alive
        )
        self.status = problem.status
        self.ended = True
        self.keep_alive = refusal.keep_alive
        self._output.append(refusal.output)
