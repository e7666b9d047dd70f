"""One client's connection: who it is, what it wants, and the tunnels it has."""

from __future__ import annotations

import asyncio
import itertools
import random

import structlog

from pgrok.errors import ConnectionLost, NameRefused, PgrokError, StoreError, TunnelRefused
from pgrok.protocol import Hint, ServerInfo, ServerInfoRequest, TunnelKind
from pgrok.server.decisions import Event
from pgrok.server.ports import choose
from pgrok.server.registry import Claim, Granted, Lease, Registry
from pgrok.server.sshd.quotas import OVER_LIMIT
from pgrok.server.sshd.services import Services
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.server.store.records import Login
from pgrok.transport.allowance import Allowance
from pgrok.transport.interfaces import Connection, Fault, Forward

MAX_PORTS_TRIED = 64
"""Public ports tried before a tcp tunnel is refused: other programs may have some."""

TOKEN_SECONDS = 8.0
"""How long the database may take to say whose a token is. On one that hangs the store gives up
later than our client does, who is to hear what is wrong."""

GREETING_SECONDS = 1.0
"""How long a plain `ssh` is waited for to say what it forwards."""

SETTLING_SECONDS = 0.1
"""How long a tunnel is spared the requests that waited for it, where its client is not ours: Go's
refuses channels that come in the moment before it has noted the answer to its forward."""

MAX_FORWARDS = 64
"""Tunnels that a connection may ask for at once, and one more each second: each is lines of log."""

log = structlog.get_logger(__name__)


class Session:
    """One SSH connection of one client; implements `pgrok.transport.interfaces.Client`."""

    def __init__(self, connection: Connection, services: Services) -> None:
        self.connection = connection
        self.login: Login | None = None
        self._services = services
        self._hint = Hint()
        self._leases: dict[Forward, Lease[Tunnel]] = {}
        self._made_up_ports = itertools.count(1)
        self._asked = asyncio.Event()
        self._ready = asyncio.Event()
        self._trouble = ""
        self._dismissed = False
        self._failure = ""
        self._forwards = Allowance(MAX_FORWARDS)
        services.sessions.enter(self)

    async def authenticate(self, password: str) -> bool:
        """Whether the password is a token that holds.

        Raises `StoreError`, and `TunnelRefused` if the person has too many connections.
        """
        try:
            async with asyncio.timeout(TOKEN_SECONDS):
                login = await self._services.store.tokens.check(password)
        except (StoreError, TimeoutError) as error:
            reason = str(error) or "the database takes too long"
            log.error("token not checked", reason=reason, peer=str(self.connection.peer))
            self._failure = "no database"
            raise StoreError("the server cannot check tokens right now; try again") from None
        if login is None:
            self._failure = Event.TOKEN.value
            self._services.decisions.refused(Event.TOKEN, "unknown", **self._who())
        else:
            self._sign_in(login)
            log.info("signed in", **self._who())
        return login is not None

    async def hint(self, payload: bytes) -> bytes:
        """Take what the client says it wants."""
        self._hint = Hint.decode(payload)
        return b""

    async def forward(self, forward: Forward) -> int:
        """Open a tunnel and return the port that the client is told."""
        self._asked.set()
        try:
            self._check_patience()
            lease = await self._open(self._require_login(), forward)
        except PgrokError as error:
            self._trouble = str(error)
            if isinstance(error, TunnelRefused):
                decisions = self._services.decisions
                decisions.refused(Event.TUNNEL, error.reason, detail=str(error), **self._who())
            raise
        finally:
            self._ready.set()
        log.info("tunnel up", url=lease.holder.url, **self._who())
        return lease.holder.forward.port

    async def cancel(self, forward: Forward) -> None:
        """End one tunnel."""
        lease = self._leases.pop(forward, None)
        if lease is None:
            raise TunnelRefused(f"there is no tunnel on port {forward.port}")
        self._release(lease)

    async def server_info(self, payload: bytes) -> bytes:
        """Tell where the tunnel is that was opened last."""
        wanted = ServerInfoRequest.decode(payload).kind
        if not self._leases:
            raise TunnelRefused("there is no tunnel yet: ask for a forward first")
        tunnel = list(self._leases.values())[-1].holder
        if wanted not in (None, tunnel.kind):
            raise TunnelRefused(f"this is a tunnel for {tunnel.kind}, not for {wanted}")
        return ServerInfo(tunnel.url).encode()

    async def greeting(self) -> str:
        """Return where the tunnels are, once there is one, or why there is none."""
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                await self._asked.wait()
            await self._ready.wait()
        except TimeoutError:
            return "There is no tunnel. Press Ctrl-C and add -R 0:localhost:3000 to the command.\n"
        if not self._leases:
            return f"There is no tunnel: {self._trouble}\n"
        lines = [f"Your tunnel is live at {lease.holder.url}\n" for lease in self._leases.values()]
        return "".join(lines) + "Press Ctrl-C to end it.\n"

    def retire(self, *, vanished: bool = False) -> None:
        """Release exactly the leases of this connection."""
        leases, self._leases = self._leases, {}
        for lease in leases.values():
            self._release(lease, vanished=vanished)

    def connection_lost(self, *, goodbye: bool, fault: Fault) -> None:
        """The connection is gone, and its tunnels with it."""
        self._services.sessions.leave(self)
        self.retire(vanished=not (goodbye or self._dismissed))
        counts = self._services.counts
        counts.octets_to_clients += self.connection.octets_sent
        counts.octets_to_visitors += self.connection.octets_received
        if self.login is None:
            counts.handshakes[self._failure or fault.value] += 1
        else:
            self._services.quotas.disconnect(self.login.person.id)
            log.info("left", goodbye=goodbye, **self._who())

    def end(self, reason: str) -> None:
        """End the connection and every tunnel of it; nobody waits for them."""
        self._dismissed = True
        self.connection.end(reason)

    def _sign_in(self, login: Login) -> None:
        """Count a connection, which is uncounted when it is lost."""
        if self.connection.is_closed():
            raise ConnectionLost("the client went away before it was signed in")
        try:
            self._services.quotas.connect(login.person.id)
        except TunnelRefused:
            self._failure = OVER_LIMIT
            who = self._who() | {"person": login.person.name}
            self._services.decisions.refused(Event.CLIENT, OVER_LIMIT, **who)
            raise
        self._services.counts.handshakes["done"] += 1
        self.login = login

    def _check_patience(self) -> None:
        """Raise `TunnelRefused` if the client has asked for more tunnels than anybody needs."""
        if not self._forwards.take(asyncio.get_running_loop().time()):
            raise TunnelRefused("too many tunnels in too short a time", reason=OVER_LIMIT)

    @property
    def _registry(self) -> Registry[Tunnel]:
        return self._services.claims.registry

    def _release(self, lease: Lease[Tunnel], *, vanished: bool = False) -> None:
        held = self._registry.release(lease)
        # Of a name that somebody else has taken over nobody is to be waited for.
        if held and lease.key[0] is TunnelKind.HTTP:
            parking = self._services.parking
            (parking.vanished if vanished else parking.arrived)(str(lease.key[1]))
        lease.holder.close()
        log.info("tunnel down", url=lease.holder.url)

    def _require_login(self) -> Login:
        if self.login is None or self.connection.is_closed():
            raise ConnectionLost("the client went away before it had its tunnel")
        return self.login

    def _who(self) -> dict[str, str]:
        who = {"peer": str(self.connection.peer), "client": self.connection.client_version}
        return who | {"person": self.login.person.name} if self.login else who

    def _tunnel(self, login: Login, forward: Forward, port: int) -> Tunnel:
        return Tunnel(
            kind=self._hint.kind,
            person_id=login.person.id,
            connection=self.connection,
            forward=Forward(forward.address, port),
            since=self._services.clock(),
            has_room=lambda: self._services.quotas.has_room(login.person.id),
        )

    def _claim(self, login: Login, name: str | int) -> Claim:
        hint = self._hint
        return Claim((hint.kind, name), login.person.id, hint.instance, hint.generation)

    def _hold(self, lease: Lease[Tunnel]) -> None:
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

    async def _open(self, login: Login, forward: Forward) -> Lease[Tunnel]:
        if forward.port != 0:
            text = f"ask for port 0 instead of {forward.port}: the server chooses"
            raise TunnelRefused(text, reason="fixed port")
        self._services.quotas.check_connection(len(self._leases))
        opening = self._open_tcp if self._hint.kind is TunnelKind.TCP else self._open_http
        return await opening(login, forward)

    async def _open_http(self, login: Login, forward: Forward) -> Lease[Tunnel]:
        """Claim a name. No TCP port belongs to it: the client is told one that is made up."""
        services = self._services
        tunnel = self._tunnel(login, forward, next(self._made_up_ports))
        tunnel.make_pool(services.deadlines, services.limits.requests_per_tunnel)
        name = login.person.name
        try:
            lease = await services.claims.claim_name(name, self._claim(login, name), tunnel)
        except NameRefused as error:
            raise TunnelRefused(str(error), reason="name") from None
        tunnel.url = services.proxy.public_url(str(lease.key[1]))
        self._hold(lease)
        seconds = 0.0
        if self._hint.instance is None:
            # Those that come now wait too, among them whom a displaced tunnel leaves behind.
            services.parking.vanished(str(lease.key[1]))
            seconds = SETTLING_SECONDS
        asyncio.get_running_loop().call_later(seconds, self._arrive, lease)
        return lease

    def _arrive(self, lease: Lease[Tunnel]) -> None:
        """Let the requests come that waited; the client has been told of its tunnel."""
        if self._registry.holds(lease):
            self._services.parking.arrived(str(lease.key[1]))

    async def _open_tcp(self, login: Login, forward: Forward) -> Lease[Tunnel]:
        """Claim a port and serve it: the last one, or one that is free."""
        lease = await self._listen_somewhere(login, forward)
        await self._remember_port(login.person.id, lease)
        self._require_held(lease)
        # Not before: the client knows its port from the answer, which follows in this very step.
        lease.holder.serve()
        return lease

    async def _listen_somewhere(self, login: Login, forward: Forward) -> Lease[Tunnel]:
        services, tcp = self._services, self._services.proxy.tcp
        last = await self._last_port(login.person.id)
        others = {
            int(lease.key[1])
            for lease in self._registry
            if lease.key[0] is TunnelKind.TCP and lease.key[1] != last
        }
        candidates = choose(last, tcp.port_start, tcp.port_end, others, random.SystemRandom())
        for port in itertools.islice(candidates, MAX_PORTS_TRIED):
            tunnel = self._tunnel(login, forward, port)
            verdict = await services.claims.settle(self._claim(login, port), tunnel)
            if isinstance(verdict, Granted) and await self._listen(verdict):
                return verdict.lease
        raise TunnelRefused("no public port is free; try again later", reason="none free")

    async def _last_port(self, person_id: int) -> int | None:
        try:
            return await self._services.store.ports.last(person_id)
        except StoreError as error:
            log.warning("last port not known", reason=str(error))
            text = "the server cannot look up ports right now; try again"
            raise TunnelRefused(text, reason="no database") from None

    async def _listen(self, granted: Granted[Tunnel]) -> bool:
        """Listen on the port of a lease, or take the listening port over from a displaced one."""
        lease, tunnel = granted.lease, granted.lease.holder
        port = int(lease.key[1])
        tunnel.forward = Forward(tunnel.forward.address, port)
        tunnel.url = self._services.proxy.tcp.tcp_url(port)
        displaced = granted.displaced.holder if granted.displaced else None
        if displaced is not None:
            tunnel.port, displaced.port = displaced.port, None
        self._hold(lease)
        try:
            tunnel.port = tunnel.port or await self._services.open_port(port)
        except OSError as error:
            log.warning("public port not opened", port=port, reason=error.strerror)
            self._leases.pop(tunnel.forward, None)
            self._registry.release(lease, used=False)
            return False
        self._require_held(lease)
        return True

    def _require_held(self, lease: Lease[Tunnel]) -> None:
        """Give up, after a wait, if the connection was lost or displaced in the meantime."""
        if not self._registry.holds(lease):
            lease.holder.close()
            raise ConnectionLost("the client went away before it had its tunnel")

    async def _remember_port(self, person_id: int, lease: Lease[Tunnel]) -> None:
        """Note the port for next time, unless it is that of a further tunnel."""
        others = [
            tunnel
            for tunnel in self._registry.of_person(person_id)
            if tunnel.kind is TunnelKind.TCP and tunnel is not lease.holder
        ]
        if others:
            return
        try:
            await self._services.store.ports.remember(person_id, int(lease.key[1]))
        except StoreError as error:
            log.warning("port not remembered", port=lease.key[1], reason=str(error))
