"""What there is in all rooms at a moment, for whoever watches."""

from __future__ import annotations

import asyncio
from collections import Counter

from pgrok.protocol import TunnelKind
from pgrok.server.counts import Present
from pgrok.server.proxy.front import Front
from pgrok.server.proxy.streams import KINDS
from pgrok.server.registry import Registry
from pgrok.server.sshd.services import Services
from pgrok.server.sshd.tunnels import Tunnel


def look_around(registry: Registry[Tunnel], services: Services, front: Front) -> Present:
    """Count everything that is there."""
    tunnels = Counter(lease.key[0] for lease in registry)
    sessions = list(services.sessions)
    clients = sum(session.login is not None for session in sessions)
    streams = front.streams.present
    return Present(
        tunnels={kind.value: tunnels[kind] for kind in TunnelKind},
        clients=clients,
        clients_connecting=len(sessions) - clients,
        visitors={"http": len(front.connections), **{kind: streams[kind] for kind in KINDS}},
        octets_to_clients=sum(session.connection.octets_sent for session in sessions),
        octets_to_visitors=sum(session.connection.octets_received for session in sessions),
        tasks=len(asyncio.all_tasks()),
    )
