"""The response of an exchange, as it goes on to whoever sent the request."""

from __future__ import annotations

from collections.abc import Callable

from pgrok.http.body import BodyWriter
from pgrok.http.forwarding import response_for_downstream
from pgrok.http.head import Framing, RequestHead, ResponseHead
from pgrok.http.pages import Problem
from pgrok.http.reader import Body, End
from pgrok.relay.interfaces import Output
from pgrok.relay.refusal import refuse_request

Rewrite = Callable[[ResponseHead], ResponseHead]


class Answer:
    """Collects what is to be written; `status` is 0 until the response has begun."""

    def __init__(self, request: RequestHead, *, keep_alive: bool) -> None:
        self.status = 0
        self.ended = False
        self.keep_alive = keep_alive
        """Whether the connection that the request came on can be kept after it."""
        self.came: ResponseHead | None = None
        """The final head, as the target sent it."""
        self._request = request
        self._writer = BodyWriter(Framing.NONE)
        self._output: Output = []

    def take_output(self) -> Output:
        """Return what has been collected since the last time."""
        output, self._output = self._output, []
        return output

    def begin(self, head: ResponseHead, rewrite: Rewrite) -> None:
        """Take the head of a response; HTTP/1.0 is told nothing of interim ones."""
        response = response_for_downstream(rewrite(head), self._request, keep_alive=self.keep_alive)
        if not head.interim:
            self.came = head
            self.status = head.status
            self.keep_alive = response.keep_alive
            self._writer = BodyWriter(response.framing)
        elif self._request.minor_version == 0:
            return
        self._output.append(response.encode())

    def add(self, event: Body | End) -> None:
        """Take some of the response's body, or its end."""
        if isinstance(event, Body):
            self._output += self._writer.encode(event.pieces)
            return
        self.ended = True
        if last := self._writer.end(event.trailers):
            self._output.append(last)

    def refuse(self, problem: Problem, *, request_read: bool) -> None:
        """Answer in the target's place."""
        refusal = refuse_request(
            problem, self._request, body_read=request_read, keep_alive=self.keep_alive
        )
        self.status = problem.status
        self.ended = True
        self.keep_alive = refusal.keep_alive
        self._output.append(refusal.output)
