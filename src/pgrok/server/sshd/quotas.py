"""What one person may have at once, of all their connections together."""

from __future__ import annotations

from collections import Counter

from pgrok.errors import TunnelRefused
from pgrok.protocol import TunnelKind
from pgrok.server.registry import Registry
from pgrok.server.settings import LimitSettings
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.text import counted

OVER_LIMIT = "over limit"
"""Why somebody was refused, in the words of log and metrics."""


class Quotas:
    """Counts what people have; people are named by their ids."""

    def __init__(self, limits: LimitSettings, registry: Registry[Tunnel]) -> None:
        self._limits = limits
        self._registry = registry
        self._connections: Counter[int] = Counter()

    def connect(self, person_id: int) -> None:
        """Count a connection; raises `TunnelRefused`, and counts nothing, if it is one too many."""
        limit = self._limits.connections_per_person
        if self._connections[person_id] >= limit:
            raise _refused(f"a person may have {counted(limit, 'connection')}")
        self._connections[person_id] += 1

    def disconnect(self, person_id: int) -> None:
        """A connection that was counted is gone."""
        self._connections[person_id] -= 1
        if not self._connections[person_id]:
            del self._connections[person_id]

    def check_connection(self, tunnels: int) -> None:
        """Raise `TunnelRefused` if a connection with so many tunnels may have no other."""
        limit = self._limits.tunnels_per_connection
        if tunnels >= limit:
            raise _refused(f"a connection may have {counted(limit, 'tunnel')}")

    def check_tunnels(self, person_id: int) -> None:
        """Raise `TunnelRefused` if a person has more tunnels than they may, since the last one.

        They are counted once it is known whether that one has taken the place of another.
        """
        tunnels = self._registry.of_person(person_id)
        limit = self._limits.tunnels_per_person
        if len(tunnels) > limit:
            raise _refused(f"a person may have {counted(limit, 'tunnel')}")
        limit = self._limits.tcp_tunnels_per_person
        if sum(tunnel.kind is TunnelKind.TCP for tunnel in tunnels) > limit:
            raise _refused(f"a person may have {counted(limit, 'tcp tunnel')}")

    def has_room(self, person_id: int) -> bool:
        """Whether a person's tunnels may have one request, WebSocket or tcp stream more."""
        connections = {tunnel.connection for tunnel in self._registry.of_person(person_id)}
        channels = sum(connection.channels for connection in connections)
        return channels < self._limits.requests_per_person


def _refused(text: str) -> TunnelRefused:
    return TunnelRefused(text, reason=OVER_LIMIT)
