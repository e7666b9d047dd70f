"""Alternative names: the machine of leases tries everything else."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from pgrok.protocol import TunnelKind
from pgrok.server.registry import Claim, Registry
from pgrok.server.sshd.claims import Claims
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.transport.interfaces import Forward
from support.lobby import FarEnd, Lobby
from support.manual_loop import manual_loop

ONE, OTHER = "1" * 32, "2" * 32


def alternative(instance: str | None, *, person: int = 1, secret: bytes = b"secret") -> str:
    """Return the name of a further tunnel, at a server that has just started."""
    loop = manual_loop()
    lobby = Lobby(loop, Registry(loop.time), range(1, 2))
    claims = Claims(lobby.registry, secret)

    def claim(instance: str | None) -> str:
        tunnel = Tunnel(
            TunnelKind.HTTP,
            person,
            FarEnd(lobby, 0.01, answers=0.01),
            Forward(b"", 1),
            datetime.now(UTC),
            has_room=lambda: True,
        )
        wanted = Claim((TunnelKind.HTTP, "bob"), person, instance, 1)
        claiming = loop.create_task(claims.claim_name("bob", wanted, tunnel))
        loop.advance(1)
        return str(claiming.result().key[1])

    assert claim(None) == "bob"
    name = claim(instance)
    assert re.fullmatch("[0-9a-f]{32}-bob", name)
    return name


def test_a_client_of_ours_keeps_its_own_over_restarts_of_the_server() -> None:
    assert alternative(ONE) == alternative(ONE)


def test_nobody_else_can_tell_what_it_is() -> None:
    names = [
        alternative(ONE),
        alternative(OTHER),
        alternative(ONE, person=2),
        alternative(ONE, secret=b"another"),
        alternative(None),
        alternative(None),
    ]
    assert len(set(names)) == len(names)
    assert not any(ONE in name or OTHER in name for name in names)
