"""Names for tunnels of people whose own name is taken already."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pgrok.protocol import TunnelKind
from pgrok.server.registry import Claim, Registry
from pgrok.server.sshd.claims import Claims
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.transport.interfaces import Forward

NAME = (TunnelKind.HTTP, "bob")
NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Standing:
    """A connection that stands."""

    def is_closed(self) -> bool:
        return False


def tunnel(person_id: int) -> Tunnel:
    connection: Any = Standing()
    return Tunnel(TunnelKind.HTTP, person_id, connection, Forward(b"", 1), NOW, lambda: True)


async def further_name(secret: bytes) -> object:
    """Return the name for a tunnel of ours whose first name somebody has."""
    registry: Registry[Tunnel] = Registry(lambda: 0.0)
    registry.claim(Claim(NAME, 1), tunnel(1))
    claim = Claim(NAME, 2, "0" * 32, 1)
    return (await Claims(registry, secret).claim_name("bob", claim, tunnel(2))).key[1]


async def test_a_further_name_follows_from_a_secret() -> None:
    """Whoever knows person and instance, but not that, cannot tell the name."""
    assert await further_name(b"one") == await further_name(b"one")
    assert await further_name(b"one") != await further_name(b"another")
