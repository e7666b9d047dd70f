"""How long a downstream connection is waited for, and what for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that a downstream connection is waited for, and an answer on its behalf."""

    head: float
    """From the first octet of a request, or the connection itself, to the end of its head."""
    idle: float
    """Between two requests."""
    body: float
    """Without an octet of a request's body that we are ready to take."""
    connect: float
    """For the other end of a new connection to take it."""
    response: float
    """From the request's last octet, or that moment, to the response's first."""
    stalled: float
    """Without an octet of a response, or of several, leaving for whoever asked."""
    linger: float
    """For reading on after an answer that had to close the connection (RFC 9112 9.6)."""
