"""How a request goes on, once it is known where to, and how its response comes back."""

from __future__ import annotations

from collections.abc import Callable

from pgrok.http.forwarding import ForwardedResponse, forward_response
from pgrok.http.head import RequestHead, ResponseHead
from pgrok.http.pages import Problem

Explain = Callable[[Exception | None], Problem]
"""Says for visitors what it means that no response came."""


class Route:
    """As what a request is sent, and what changes on the way back."""

    __slots__ = ("_came", "_forwarded", "_kept", "_minor_version", "explain", "head", "host")

    _forwarded: ForwardedResponse
    """What follows from `_came` and `_kept`, where there was one."""

    def __init__(
        self, request: RequestHead, head: bytes, explain: Explain, host: str | None = None
    ) -> None:
        """`head` is that of `request` as it goes on. With a `host`, cookies for domains outside of
        it are left out of the response."""
        self.head = head
        self.explain = explain
        self.host = host
        self._minor_version = request.minor_version
        self._came: ResponseHead | None = None
        self._kept = False

    def forward_response(self, head: ResponseHead, keep_alive: bool) -> ForwardedResponse:
        """Return how the final response goes on, as `http.forwarding.forward_response` does.

        Routes are remembered with their requests, and the same request mostly has the same head of
        a response, which is not looked at again.
        """
        if head is self._came and keep_alive is self._kept:
            return self._forwarded
        forwarded = forward_response(head, self._minor_version, keep_alive, self.host)
        if head.small:
            self._came, self._kept, self._forwarded = head, keep_alive, forwarded
        return forwarded
