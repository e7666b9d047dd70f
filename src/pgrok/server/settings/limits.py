"""How much of everything there may be, and how long everything may take.

The defaults of all of them are here and nowhere else; docs/behaviour.md has the reason for each.
What parsing needs to be safe at all, such as the size of a head, is no setting and not here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import Field

from pgrok.server.settings.section import Section
from pgrok.server.settings.values import Number, Seconds

MOST = 1_000_000
"""Of anything: more than any machine carries, so that more is a slip of the hand."""

SHORTEST = 0.1
"""Seconds of any deadline: without a deadline, or with none to speak of, nothing would work."""

LONGEST = 3600.0


def _at_most(most: int, *, default: int) -> Any:
    description = f"a whole number from 1 to {most}"
    return Field(default=default, ge=1, le=most, description=description)


def _up_to(longest: float, *, default: float) -> Any:
    description = f"a number of seconds from {SHORTEST:g} to {longest:g}"
    return Field(default=default, ge=SHORTEST, le=longest, description=description)


class LimitSettings(Section):
    """How many of each there may be at once."""

    # Clients before they have authenticated
    login_attempts: Number = _at_most(100, default=3)
    half_open: Number = _at_most(MOST, default=256)
    half_open_per_address: Number = _at_most(MOST, default=32)
    waiting: Number = _at_most(MOST, default=2048)
    waiting_per_address: Number = _at_most(MOST, default=256)

    # Clients after that
    unanswered_keepalives: Number = _at_most(100, default=1)
    connections_per_person: Number = _at_most(MOST, default=100)
    tunnels_per_person: Number = _at_most(MOST, default=100)
    tcp_tunnels_per_person: Number = _at_most(MOST, default=100)
    tunnels_per_connection: Number = _at_most(MOST, default=8)
    channels_per_connection: Number = _at_most(MOST, default=1024)

    # Visitors
    visitors: Number = _at_most(MOST, default=8192)
    visitors_per_address: Number = _at_most(MOST, default=512)
    requests_per_address: Number = _at_most(MOST, default=512)
    requests_per_tunnel: Number = _at_most(MOST, default=1024)
    requests_per_person: Number = _at_most(MOST, default=2048)
    parked: Number = _at_most(MOST, default=1024)
    parked_per_tunnel: Number = _at_most(MOST, default=256)

    # The dashboard
    dashboard_connections: Number = _at_most(MOST, default=256)
    dashboard_connections_per_address: Number = _at_most(MOST, default=64)


class TimeoutSettings(Section):
    """How many seconds each may take.

    `body`, `connect`, `response` and `stalled` end where those of our client begin: beyond them
    it would be the client who decides.
    """

    # Clients
    waiting: Seconds = _up_to(LONGEST, default=10.0)
    login: Seconds = _up_to(LONGEST, default=15.0)
    keepalive: Seconds = _up_to(LONGEST, default=21.0)

    # Visitors
    head: Seconds = _up_to(LONGEST, default=30.0)
    idle: Seconds = _up_to(LONGEST, default=75.0)
    body: Seconds = _up_to(600.0, default=60.0)
    connect: Seconds = _up_to(60.0, default=30.0)
    response: Seconds = _up_to(LONGEST, default=300.0)
    stalled: Seconds = _up_to(LONGEST, default=300.0)
    linger: Seconds = _up_to(LONGEST, default=5.0)

    # The dashboard
    dashboard_request: Seconds = _up_to(LONGEST, default=15.0)
    dashboard_answer: Seconds = _up_to(LONGEST, default=60.0)

    # The end of the daemon
    drain: Seconds = _up_to(LONGEST, default=10.0)
    drain_streams: Seconds = _up_to(LONGEST, default=3.0)
    goodbye: Seconds = _up_to(LONGEST, default=3.0)


class LifetimeSettings(Section):
    """How long what is in the database holds."""

    session_days: Number = _at_most(3650, default=30)
    sign_in_link_minutes: Number = _at_most(1440, default=15)
    removed_name_days: Number = _at_most(3650, default=30)

    @property
    def session(self) -> timedelta:
        """How long somebody stays signed in at the dashboard."""
        return timedelta(days=self.session_days)

    @property
    def sign_in_link(self) -> timedelta:
        """How long a one-time sign-in link works."""
        return timedelta(minutes=self.sign_in_link_minutes)

    @property
    def removed_name(self) -> timedelta:
        """How long the name of a removed person stays theirs."""
        return timedelta(days=self.removed_name_days)
