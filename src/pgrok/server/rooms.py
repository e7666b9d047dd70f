"""The rooms of the daemon: how they are built, opened and emptied. Siblings meet here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import structlog

from pgrok.address import Address, parse_address
from pgrok.errors import StoreError
from pgrok.protocol import TunnelKind
from pgrok.relay.deadlines import Deadlines
from pgrok.relay.timeouts import Timeouts
from pgrok.server.activation import Inherited
from pgrok.server.doors import names_the_key, open_door
from pgrok.server.members import Members
from pgrok.server.observer import Observer
from pgrok.server.overview import look_around
from pgrok.server.proxy import sockets
from pgrok.server.proxy.front import Front
from pgrok.server.proxy.streams import Streams
from pgrok.server.proxy.tcp import open_port
from pgrok.server.proxy.visitors import Visitors
from pgrok.server.registry import Claim, LiveTunnel, Registry
from pgrok.server.settings import Settings, TimeoutSettings
from pgrok.server.sshd import listener as sshd
from pgrok.server.sshd.claims import Claims
from pgrok.server.sshd.quotas import Quotas
from pgrok.server.sshd.services import Services
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.server.store.database import Store
from pgrok.server.store.records import Clock, HostKey
from pgrok.server.web import app as web
from pgrok.server.web.monitoring import Monitoring
from pgrok.server.web.serving import WebServer
from pgrok.transport import algorithms

if TYPE_CHECKING:
    from pgrok.server.oidc.provider import Provider

log = structlog.get_logger(__name__)

LAST_WRITES_SECONDS = 3.0
"""How long the database is waited for at the end, while clients say goodbye."""

_NAMES_LOST = "live names not left to the next daemon"
_USES_LOST = "last use of tokens not written"


class Rooms:
    """The rooms that carry tunnels, and what they share."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        host_keys: list[HostKey],
        inherited: Inherited,
        clock: Clock,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.observer = observer = Observer(loop, store.version)
        self.streams = Streams(observer.counts)
        self._inherited = inherited
        deadlines = Deadlines(loop)
        proxy = settings.proxy
        self.settings = settings
        self.host_keys = host_keys
        self.registry: Registry[Tunnel] = Registry(loop.time)
        visitors = Visitors(proxy.trusted_proxies, settings.limits, observer.decisions)
        self.front = Front(
            self.registry.find,
            domain=proxy.host_domain,
            scheme=proxy.scheme,
            visitors=visitors,
            deadlines=deadlines,
            counts=observer.counts,
            streams=self.streams,
            decisions=observer.decisions,
            limits=settings.limits,
            timeouts=_timeouts(settings.timeouts),
            parking_seconds=proxy.parking_seconds,
        )
        self.services = Services(
            store=store,
            claims=Claims(self.registry, sshd.naming_secret(host_keys)),
            quotas=Quotas(settings.limits, self.registry),
            deadlines=deadlines,
            proxy=proxy,
            limits=settings.limits,
            timeouts=settings.timeouts,
            open_port=partial(open_port, proxy.tcp.host or proxy.host, visitors, self.streams),
            parking=self.front.parking,
            clock=clock,
            sessions=Members(),
            counts=observer.counts,
            decisions=observer.decisions,
        )
        self._closers: list[Callable[[], None]] = []

    async def expect_names(self) -> None:
        """Let requests wait for the tunnels that the daemon before this one had.

        Each client of ours gets its own name again, whichever of a person's comes first.
        """
        tenures = await self.services.store.live_leases.take()
        self.registry.recall(tenures)
        for kind, name in (tenure.key for tenure in tenures):
            if kind is TunnelKind.HTTP:
                self.front.parking.vanished(str(name))

    async def _write_last(self, tenures: list[Claim]) -> None:
        """Write what the next daemon will want to know, as far as the database does that in time.

        Where it does not, whatever else waits for it ends too: nothing may hold up the end.
        """
        store = self.services.store
        writes = [
            asyncio.create_task(_is_written(_NAMES_LOST, store.live_leases.leave(tenures))),
            asyncio.create_task(_is_written(_USES_LOST, store.tokens.flush())),
        ]
        await asyncio.wait(writes, timeout=LAST_WRITES_SECONDS)
        if not all(write.done() and write.result() for write in writes):
            store.give_up()
            await asyncio.wait(writes)

    async def listen(self) -> None:
        """Open the public front and the SSH port."""
        proxy = self.settings.proxy
        front_address = Address(proxy.host, proxy.port)
        ssh_address = Address(self.settings.sshd.host, self.settings.sshd.port)
        opened = self._inherited.get("proxy", ())
        with names_the_key("proxy.port", front_address):
            for front in await sockets.listen_at(front_address, self.front.accept, opened):
                self._closers.append(front.close)
        opened = self._inherited.get("sshd", ())
        with names_the_key("sshd.port", ssh_address):
            listener = await sshd.start(ssh_address, self.host_keys, self.services, opened)
        self._closers.append(listener.close)
        self.observer.readiness.listening = True
        log.info("visitors", at=proxy.public_url("NAME"), listening=str(front_address))
        log.info("clients", at=self.settings.client_address, listening=str(ssh_address))

    def pages(self, provider: Provider | None) -> list[WebServer]:
        """Return the dashboard and what machines ask; they have their ports and are to serve."""
        settings = self.settings
        present = partial(look_around, self.registry, self.services, self.front)
        monitoring = self.observer.monitoring(settings.metrics, present)
        servers = [self._dashboard(provider, monitoring)]
        if settings.metrics.listen is not None:
            address = parse_address(settings.metrics.listen)
            listening = open_door("metrics.listen", address, self._inherited.get("metrics"))
            log.info("metrics", listening=str(address))
            application = monitoring.application(address.host)
            servers.append(self._web_server(application, listening))
        return servers

    def _dashboard(self, provider: Provider | None, monitoring: Monitoring) -> WebServer:
        address = Address(self.settings.web.host, self.settings.web.port)
        listening = open_door("web.port", address, self._inherited.get("web"))
        application = web.build(
            self.settings,
            self.services.store,
            self.live_tunnels,
            fingerprints(self.host_keys),
            provider,
            self.services.clock,
            monitoring,
        )
        log.info("dashboard", at=self.settings.external_url, listening=str(address))
        return self._web_server(application, listening)

    @property
    def _web_server(self) -> partial[WebServer]:
        """What serves an application on listening sockets, bounded as the settings say."""
        settings = self.settings
        return partial(
            WebServer,
            limits=settings.limits,
            timeouts=settings.timeouts,
            trusted=settings.proxy.trusted_proxies,
        )

    def live_tunnels(self, person_id: int) -> list[LiveTunnel]:
        """Return what the dashboard shows."""
        return [tunnel.describe() for tunnel in self.registry.of_person(person_id)]

    def stop_listening(self) -> None:
        """Accept nobody any more; once is as good as twice."""
        for close in self._closers:
            close()

    async def drain(self) -> None:
        """Accept nobody, let requests and streams finish, then send the clients away."""
        self.observer.readiness.draining = True
        self.stop_listening()
        for lease in self.registry:
            lease.holder.take_no_more()
        self.front.drain()
        timeouts = self.settings.timeouts
        await asyncio.gather(
            self.front.connections.gone(timeouts.drain),
            self.streams.members.gone(timeouts.drain_streams),
        )
        tenures = list(self.registry.tenures())
        sshd.say_goodbye(self.services.sessions)
        await asyncio.gather(
            self.services.sessions.gone(timeouts.goodbye), self._write_last(tenures)
        )
        self.observer.readiness.end()


async def _is_written(otherwise: str, write: Awaitable[None]) -> bool:
    """Whether the database took what is written; if not, the log says what is lost."""
    try:
        await write
    except StoreError as error:
        log.warning(otherwise, reason=str(error))
        return False
    return True


def _timeouts(settings: TimeoutSettings) -> Timeouts:
    """Return how long visitors, and targets on their behalf, are waited for."""
    return Timeouts(
        head=settings.head,
        idle=settings.idle,
        body=settings.body,
        connect=settings.connect,
        response=settings.response,
        stalled=settings.stalled,
        linger=settings.linger,
    )


def fingerprints(host_keys: list[HostKey]) -> list[str]:
    """Return the fingerprints in the order in which our client prefers the keys."""
    order = {name: place for place, name in enumerate(algorithms.HOST_KEYS)}
    ranked = sorted(
        host_keys, key=lambda key: (order.get(key.algorithm, len(order)), not key.preferred)
    )
    return [key.fingerprint for key in ranked]
