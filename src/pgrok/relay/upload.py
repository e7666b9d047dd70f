"""The body of a request, as it goes on to where the request was sent."""

from __future__ import annotations

from pgrok.http.body import encode_body
from pgrok.http.head import Framing, RequestHead, ResponseHead
from pgrok.http.reader import Body
from pgrok.relay.interfaces import Output


class Upload:
    """Collects what is to be written."""

    __slots__ = ("_framing", "_output", "awaits_continue", "ended")

    def __init__(self, request: RequestHead) -> None:
        self.ended = False
        self.awaits_continue = request.expects_continue
        """Whether its sender waits for a 100 before it begins (RFC 9110 10.1.1)."""
        self._framing = request.framing
        self._output: Output = []

    def begin(self, head: bytes) -> None:
        """Put the request's head before it."""
        self._output.append(head)

    @property
    def is_plain(self) -> bool:
        """Whether it comes, is written as it came, and all that came has been."""
        return self._framing is Framing.LENGTH and not (self._output or self.awaits_continue)

    def add(self, body: Body) -> None:
        """Take some of it."""
        self.awaits_continue = False
        self._output += encode_body(self._framing, body.pieces, body.trailers)
        self.ended = body.trailers is not None

    def is_unwanted(self, head: ResponseHead) -> bool:
        """Whether the rest of it will not come (RFC 9110 10.1.1), or finds nobody."""
        return not self.ended and (self.awaits_continue or not head.keep_alive)

    def take_output(self) -> Output:
        """Return what has been collected since the last time."""
        output, self._output = self._output, []
        return output
