"""A response that comes in parts, as it goes on to whoever sent the request."""

from __future__ import annotations

from pgrok.errors import RemoteProtocolError
from pgrok.http.body import encode_body
from pgrok.http.forwarding import ForwardedResponse, forward_response
from pgrok.http.head import SWITCHING_PROTOCOLS, Framing, RequestHead, ResponseHead
from pgrok.http.reader import Body
from pgrok.relay.interfaces import Output

MAX_INTERIM = 128
"""Interim responses to one request; who sends a 102 every 20 s does so for 40 minutes."""


class Answer:
    """Collects what is to be written; with a `host`, no cookies for domains outside of it."""

    __slots__ = ("_framing", "_host", "_interim", "_output", "_request", "ended")

    def __init__(self, request: RequestHead, host: str | None = None) -> None:
        self.ended = False
        self._request = request
        self._host = host
        self._framing = Framing.NONE
        self._interim = 0
        self._output: Output = []

    def take_output(self) -> Output:
        """Return what has been collected since the last time."""
        output, self._output = self._output, []
        return output

    def begin(self, head: ResponseHead, forwarded: ForwardedResponse) -> None:
        """Take the head of the final response, which may be all of it."""
        self._framing = forwarded.framing
        self._output.append(forwarded.head)
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
            # Browsers take cookies from them as well.
            response = forward_response(head, self._request.minor_version, True, self._host)
            self._output.append(response.head)

    def add(self, body: Body) -> None:
        """Take some of the response's body."""
        self._output += encode_body(self._framing, body.pieces, body.trailers)
        self.ended = body.trailers is not None
