"""What all sessions share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pgrok.relay.deadlines import Deadlines
from pgrok.server.counts import Counts
from pgrok.server.decisions import Decisions
from pgrok.server.members import Members
from pgrok.server.settings import LimitSettings, ProxySettings, TimeoutSettings
from pgrok.server.sshd.claims import Claims
from pgrok.server.sshd.quotas import Quotas
from pgrok.server.sshd.tunnels import OpenPort
from pgrok.server.store.database import Store
from pgrok.server.store.records import Login
from pgrok.transport.interfaces import Connection


class Guest(Protocol):
    """One session, as those see it who watch over all of them."""

    login: Login | None
    connection: Connection

    def end(self, reason: str) -> None:
        """End the connection and every tunnel of it."""


class Parking(Protocol):
    """Where requests wait for tunnels that were lost, each under its label."""

    def vanished(self, label: str) -> None:
        """Let requests wait from now on."""

    def arrived(self, label: str) -> None:
        """Send those that wait on: the tunnel is back."""


@dataclass(frozen=True)
class Services:
    """The other rooms, as far as a session needs them, and all sessions there are."""

    store: Store
    claims: Claims
    quotas: Quotas
    deadlines: Deadlines
    proxy: ProxySettings
    limits: LimitSettings
    timeouts: TimeoutSettings
    open_port: OpenPort
    parking: Parking
    clock: Callable[[], datetime]
    sessions: Members[Guest]
    counts: Counts
    decisions: Decisions
