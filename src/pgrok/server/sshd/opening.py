"""How a forward becomes a tunnel: http claims a name, tcp claims a port and listens on it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog

from pgrok.errors import ConnectionLost, NameRefused, StoreError, TunnelRefused
from pgrok.protocol import Hint, TunnelKind
from pgrok.server.ports import Avoided, choose
from pgrok.server.registry import Claim, Granted, Key, Lease, Registry
from pgrok.server.sshd.holdings import Holdings
from pgrok.server.sshd.services import Services
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.server.store.records import Person
from pgrok.transport.interfaces import Connection, Forward

MAX_PORTS_TRIED = 64
"""Public ports tried before a tcp tunnel is refused: other programs may have some."""

SETTLING_SECONDS = 0.1
"""How long a tunnel is spared the requests that waited for it, where its client is not ours: Go's
refuses channels that come in the moment before it has noted the answer to its forward."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Opening:
    """One `tcpip-forward` (RFC 4254 7.1) of a person who has signed in, until it is answered.

    `holdings` are those of the `connection` that asks.
    """

    services: Services
    holdings: Holdings
    connection: Connection
    person: Person
    hint: Hint
    forward: Forward

    async def complete(self) -> Tunnel:
        """Return the tunnel, which is held from the moment that its lease was granted.

        Raises `TunnelRefused`, and `ConnectionLost` if the client went away meanwhile.
        """
        opening = self._open_tcp if self.hint.kind is TunnelKind.TCP else self._open_http
        return await opening()

    @property
    def _registry(self) -> Registry[Tunnel]:
        return self.services.claims.registry

    def _claim(self, name: str | int) -> Claim:
        hint = self.hint
        return Claim((hint.kind, name), self.person.id, hint.instance, hint.generation)

    def _tunnel(self, port: int) -> Tunnel:
        return Tunnel(
            kind=self.hint.kind,
            person_id=self.person.id,
            connection=self.connection,
            forward=Forward(self.forward.address, port),
            since=self.services.clock(),
            has_room=partial(self.services.quotas.has_room, self.person.id),
        )

    async def _open_http(self) -> Tunnel:
        """Claim a name. No TCP port belongs to it: the client is told one that is made up."""
        services, name = self.services, self.person.name
        tunnel = self._tunnel(self.holdings.make_up_port())
        tunnel.make_pool(services.deadlines, services.limits.requests_per_tunnel)
        try:
            lease = await services.claims.claim_name(name, self._claim(name), tunnel)
        except NameRefused as error:
            raise TunnelRefused(str(error), reason="name") from None
        tunnel.url = services.proxy.public_url(str(lease.key[1]))
        self.holdings.hold(lease)
        self._let_settle(lease)
        return tunnel

    def _let_settle(self, lease: Lease[Tunnel]) -> None:
        """Spare a tunnel the requests that wait for it until its client knows that it has it."""
        seconds = 0.0
        if self.hint.instance is None:
            # Those that come now wait too, among them whom a displaced tunnel leaves behind.
            self.services.parking.vanished(str(lease.key[1]))
            seconds = SETTLING_SECONDS
        asyncio.get_running_loop().call_later(seconds, self._arrive, lease)

    def _arrive(self, lease: Lease[Tunnel]) -> None:
        """Let the requests come that waited; the client has been told of its tunnel."""
        if self._registry.holds(lease):
            self.services.parking.arrived(str(lease.key[1]))

    async def _open_tcp(self) -> Tunnel:
        """Claim a port and serve it: the last one, or one that is free."""
        lease = await self._listen_somewhere()
        await self._remember_port(lease)
        self._require_held(lease)
        # Not before: the client knows its port from the answer, which follows in this very step.
        lease.holder.serve()
        return lease.holder

    async def _listen_somewhere(self) -> Lease[Tunnel]:
        """Listen on the first port that can be had.

        Each is chosen by who holds what at that moment: the one before may have taken seconds.
        """
        store = self.services.store.ports
        last = await self._look_up(store.last)
        others: set[int] | None = None
        tried: set[int] = set()
        while len(tried) < MAX_PORTS_TRIED:
            port = self._choose(last, others or set(), tried)
            if port is None:
                break
            if port != last and others is None:
                # Not before: most get the port that they had last, and nobody else's matters.
                others = await self._look_up(store.lasts_of_others)
                continue
            tried.add(port)
            verdict = await self.services.claims.settle(self._claim(port), self._tunnel(port))
            if isinstance(verdict, Granted) and await self._listen(verdict):
                return verdict.lease
        raise TunnelRefused("no public port is free; try again later", reason="none free")

    def _choose(self, last: int | None, others: set[int], tried: set[int]) -> int | None:
        """Return the port to try next; `others` are those that other people had last."""
        tcp = self.services.proxy.tcp
        held = _ports(lease.key for lease in self._registry)
        kept = _ports(self._registry.kept_for_others(self.person.id))
        ports, taken = range(tcp.port_start, tcp.port_end), held - {last} | tried
        return next(choose(last, ports, taken, Avoided(others, kept), random.SystemRandom()), None)

    async def _look_up(self, query: Callable[[int], Awaitable[T]]) -> T:
        """Ask the store something about the person's ports."""
        try:
            return await query(self.person.id)
        except StoreError as error:
            log.warning("ports not looked up", reason=str(error))
            text = "the server cannot look up ports right now; try again"
            raise TunnelRefused(text, reason="no database") from None

    async def _listen(self, granted: Granted[Tunnel]) -> bool:
        """Listen on the port of a lease, or take the listening port over from a displaced one."""
        lease, tunnel = granted.lease, granted.lease.holder
        port = int(lease.key[1])
        tunnel.forward = Forward(tunnel.forward.address, port)
        tunnel.url = self.services.proxy.tcp.tcp_url(port)
        displaced = granted.displaced.holder if granted.displaced else None
        if displaced is not None:
            tunnel.port, displaced.port = displaced.port, None
        self.holdings.hold(lease)
        try:
            tunnel.port = tunnel.port or await self.services.open_port(port)
        except OSError as error:
            log.warning("public port not opened", port=port, reason=error.strerror)
            self.holdings.give_back(lease)
            return False
        self._require_held(lease)
        return True

    def _require_held(self, lease: Lease[Tunnel]) -> None:
        """Give up, after a wait, if the connection was lost or displaced in the meantime."""
        if not self._registry.holds(lease):
            lease.holder.close()
            raise ConnectionLost("the client went away before it had its tunnel")

    async def _remember_port(self, lease: Lease[Tunnel]) -> None:
        """Note the port for next time, unless it is that of a further tunnel."""
        others = [
            tunnel
            for tunnel in self._registry.of_person(self.person.id)
            if tunnel.kind is TunnelKind.TCP and tunnel is not lease.holder
        ]
        if others:
            return
        try:
            await self.services.store.ports.remember(self.person.id, int(lease.key[1]))
        except StoreError as error:
            log.warning("port not remembered", port=lease.key[1], reason=str(error))


def _ports(keys: Iterable[Key]) -> set[int]:
    return {int(name) for kind, name in keys if kind is TunnelKind.TCP}
