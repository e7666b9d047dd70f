"""What an exchange and its two connections ask of each other."""

from __future__ import annotations

import asyncio
from typing import Protocol

from pgrok.http.head import ResponseHead
from pgrok.http.reader import Body
from pgrok.relay.splice import Detached

Output = list[bytes | memoryview]
"""What is to be written; none of the pieces is empty."""


class Downstream(Protocol):
    """What an exchange asks of the connection that its request came on."""

    loop: asyncio.AbstractEventLoop
    keeps_alive: bool
    """Whether it is open for more requests after this one."""

    def route_again(self) -> None:
        """Ask once more where the request goes: the way that it went is no more."""

    def send(self, output: Output) -> None:
        """Write part of the response."""

    def request_flow_changed(self) -> None:
        """Whether the request is taken has changed: read on, or stop reading."""

    def exchange_over(self, output: bytes, keep_alive: bool, now: float) -> None:
        """The response is complete with `output`: go on to the next request, or close.

        `now` is the loop's time.
        """

    def exchange_cut(self) -> None:
        """The rest of the response will not come: close so that it shows."""

    def leave(self) -> Detached:
        """Leave HTTP after a 101."""


class ResponseSink(Protocol):
    """What an upstream connection tells the exchange that it serves."""

    def upstream_ready(self) -> None:
        """The connection stands: the request may be written."""

    def response_event(self, event: ResponseHead | Body) -> None:
        """Part of the response."""

    def whole_response(self, head: ResponseHead, body: bytes) -> None:
        """All of the final response, which was not begun before."""

    def response_paused(self) -> None:
        """No more of the response is there yet: send on what has been collected."""

    def upstream_full(self, full: bool) -> None:
        """The connection takes no more of the request for now, or takes it again."""

    def upstream_failed(self, error: Exception | None) -> None:
        """The connection is gone before the exchange was over, or could not be made."""
