"""What all sessions share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pgrok.relay.deadlines import Deadlines
from pgrok.server.counts import Counts
from pgrok.server.decisions import Decisions
from pgrok.server.members import Members
from pgrok.server.settings import ProxySettings
from pgrok.server.sshd.claims import Claims
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
    deadlines: Deadlines
    proxy: ProxySettings
    open_port: OpenPort
    parking: Parking
    clock: Callable[[], datetime]
    sessions: Members[Guest]
    counts: Counts
    decisions: Decisions
    connections: Counter[int] = field(default_factory=Counter)
    """How many each person has."""

    def channels_of(self, person_id: int) -> int:
        """Return how many channels a person's tunnels have together."""
        tunnels = self.claims.registry.of_person(person_id)
        return sum(one.channels for one in {tunnel.connection for tunnel in tunnels})
