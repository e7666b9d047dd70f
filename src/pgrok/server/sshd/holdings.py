"""The tunnels that one connection has: leases that it holds, and releases when it ends."""

from __future__ import annotations

import itertools

import structlog

from pgrok.errors import TunnelRefused
from pgrok.protocol import TunnelKind
from pgrok.server.registry import Lease
from pgrok.server.sshd.services import Services
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.transport.interfaces import Forward

log = structlog.get_logger(__name__)


class Holdings:
    """The leases of one connection, each under the forward that its client was told."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._registry = services.claims.registry
        self._leases: dict[Forward, Lease[Tunnel]] = {}
        self._made_up_ports = itertools.count(1)

    @property
    def tunnels(self) -> list[Tunnel]:
        """The tunnels, oldest first."""
        return [lease.holder for lease in self._leases.values()]

    def make_up_port(self) -> int:
        """Return the port of a forward that needs none but to be told from the others."""
        return next(self._made_up_ports)

    def hold(self, lease: Lease[Tunnel]) -> None:
        """Own a lease: in the same step of the loop in which it was granted, so that it is
        released if the connection is lost in the next.

        Raises `TunnelRefused`, without it, if its person has too many.
        """
        try:
            self._services.quotas.check_tunnels(lease.holder.person_id)
        except TunnelRefused:
            self._registry.release(lease, used=False)
            lease.holder.close()
            raise
        self._leases[lease.holder.forward] = lease

    def give_back(self, lease: Lease[Tunnel]) -> None:
        """Release a lease of which nothing can be made, as if it had never been held."""
        self._leases.pop(lease.holder.forward, None)
        self._registry.release(lease, used=False)

    def release(self, forward: Forward) -> None:
        """End one tunnel, which its client has cancelled; raises `TunnelRefused` without it."""
        lease = self._leases.pop(forward, None)
        if lease is None:
            raise TunnelRefused(f"there is no tunnel on port {forward.port}")
        self._release(lease, vanished=False)

    def release_all(self, *, vanished: bool) -> None:
        """End all tunnels; requests wait for the return of those that `vanished`."""
        leases, self._leases = self._leases, {}
        for lease in leases.values():
            self._release(lease, vanished=vanished)

    def _release(self, lease: Lease[Tunnel], *, vanished: bool) -> None:
        held = self._registry.release(lease)
        # Of a name that somebody else has taken over nobody is to be waited for.
        if held and lease.key[0] is TunnelKind.HTTP:
            parking = self._services.parking
            (parking.vanished if vanished else parking.arrived)(str(lease.key[1]))
        lease.holder.close()
        log.info("tunnel down", url=lease.holder.url)
