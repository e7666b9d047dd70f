"""What downstream connections ask of whoever uses them: a server's front, or a client."""

from __future__ import annotations

from typing import Protocol

from pgrok.http.pages import Problem
from pgrok.relay.exchange import Exchange


class Backend(Protocol):
    """Where requests go."""

    def route(self, exchange: Exchange) -> None:
        """Call `exchange.forward` or `exchange.refuse`, now or later."""

    def finished(self, exchange: Exchange, seconds: float) -> None:
        """An exchange is over, well or not; its `status` is 0 if there was no answer.

        It took so many seconds, from the end of the request's head.
        """

    def refused(self, problem: Problem) -> None:
        """Something was answered that is no request, and so no exchange."""
