"""What a server grants to each of its clients."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds on one connection; times are in seconds."""

    waiting: float
    """For a place among those that may exchange keys."""
    login: float
    """From there until the client has authenticated."""
    login_attempts: int
    """Passwords that may be tried."""
    keepalive: float
    """Without a word from the client, after which it is asked whether it lives."""
    unanswered_keepalives: int
    channels: int
