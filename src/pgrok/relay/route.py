"""How a request goes on, once it is known where to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pgrok.http.pages import Problem

Explain = Callable[[Exception | None], Problem]
"""Says for visitors what it means that no response came."""


@dataclass(frozen=True, slots=True)
class Route:
    """As what a request is sent, and what changes on the way back.

    `head` is the request's head as it goes on. With a `host`, cookies for domains outside of it
    are left out of the response.
    """

    head: bytes
    explain: Explain
    host: str | None = None
