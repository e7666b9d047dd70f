"""Claims on names and ports, with the one question that takes time: does the holder live?"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets

from pgrok.errors import ConnectionLost, TunnelRefused
from pgrok.protocol import REPLACED, TunnelKind
from pgrok.server.registry import Claim, Contested, Granted, Lease, Occupied, Outdated, Registry
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.server.subdomains import alternative

MIN_PROBE_SECONDS = 1.0
MAX_PROBE_SECONDS = 3.0
PROBE_ROUND_TRIPS = 4


class Claims:
    """Settles claims against the registry.

    `secret` keeps the alternative names of a person's further tunnels both stable and
    impossible to guess.
    """

    def __init__(self, registry: Registry[Tunnel], secret: bytes) -> None:
        self.registry = registry
        self._secret = secret
        self._probes: dict[Lease[Tunnel], asyncio.Task[bool]] = {}

    async def settle(self, claim: Claim, tunnel: Tunnel) -> Granted[Tunnel] | Occupied:
        """Return what came of the claim; whoever was displaced has been told.

        Raises `TunnelRefused` for a connection that a newer one of the same client overtook,
        and `ConnectionLost` if this one went away meanwhile.
        """
        alive = silent = None
        while True:
            if tunnel.connection.is_closed():
                raise ConnectionLost("the client went away before it had its tunnel")
            verdict = self.registry.claim(claim, tunnel, alive=alive, silent=silent)
            if isinstance(verdict, Contested):
                lives = await self._lives(verdict.lease)
                alive, silent = (verdict.lease, None) if lives else (None, verdict.lease)
            elif isinstance(verdict, Outdated):
                raise TunnelRefused(
                    "a newer connection of this client has the tunnel", reason="outdated"
                )
            else:
                _displace(verdict)
                return verdict

    async def claim_name(self, name: str, claim: Claim, tunnel: Tunnel) -> Lease[Tunnel]:
        """Return the lease of the name, or of an alternative if the person uses it already."""
        verdict = await self.settle(claim, tunnel)
        if isinstance(verdict, Granted):
            return verdict.lease
        for label in (alternative(name, self._stable_hex(claim)), self._random(name)):
            lease = self.registry.claim_free((TunnelKind.HTTP, label), claim, tunnel)
            if lease is not None:
                return lease
        raise TunnelRefused("no name is free; try again", reason="none free")

    def _random(self, name: str) -> str:
        return alternative(name, secrets.token_hex(16))

    def _stable_hex(self, claim: Claim) -> str:
        """Return the same digits for a client that comes back, others for everybody else."""
        if claim.instance is None:
            return secrets.token_hex(16)
        text = f"{claim.person_id} {claim.instance}".encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:32]

    async def _lives(self, lease: Lease[Tunnel]) -> bool:
        """Probe a holder, once for all who wait for the answer."""
        probe = self._probes.get(lease)
        if probe is None:
            probe = asyncio.get_running_loop().create_task(_answers(lease.holder))
            probe.add_done_callback(lambda _: self._probes.pop(lease, None))
            self._probes[lease] = probe
        return await asyncio.shield(probe)


async def _answers(holder: Tunnel) -> bool:
    """Whether the holder's client gives a sign of life in time."""
    connection = holder.connection
    seconds = PROBE_ROUND_TRIPS * connection.round_trip
    try:
        async with asyncio.timeout(min(max(seconds, MIN_PROBE_SECONDS), MAX_PROBE_SECONDS)):
            await connection.probe()
    except (TimeoutError, ConnectionLost):
        return False
    return True


def _displace(verdict: Granted[Tunnel] | Occupied) -> None:
    if isinstance(verdict, Granted) and verdict.displaced is not None:
        displaced = verdict.displaced.holder
        if displaced.pool is not None:
            # What no answer came to can still be asked of the newcomer.
            displaced.pool.lose(ConnectionLost("another client took the name over"))
        displaced.connection.end(REPLACED)
