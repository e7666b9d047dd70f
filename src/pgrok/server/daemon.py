"""The daemon: builds every room, starts them, and drains them when it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from pgrok.address import Address
from pgrok.errors import PgrokError, StoreError, UsageError
from pgrok.loop import run_in_loop
from pgrok.protocol import TunnelKind
from pgrok.relay.deadlines import Deadlines
from pgrok.server import logs
from pgrok.server.members import Members
from pgrok.server.proxy import sockets
from pgrok.server.proxy.front import Front
from pgrok.server.proxy.tcp import open_port
from pgrok.server.registry import LiveTunnel, Registry
from pgrok.server.settings import Settings
from pgrok.server.sshd import listener as sshd
from pgrok.server.sshd.claims import Claims
from pgrok.server.sshd.services import Services
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.server.store.database import Store
from pgrok.server.store.records import HostKey, system_clock
from pgrok.server.web import app as web
from pgrok.server.web.serving import WebServer, listen
from pgrok.transport import algorithms

if TYPE_CHECKING:
    from pgrok.server.oidc.provider import Provider

DRAIN_SECONDS = 10.0
"""How long requests that are under way may take to finish after SIGTERM."""

GOODBYE_SECONDS = 3.0
"""How long clients may take to close after that."""

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises `PgrokError` if it cannot begin."""
    logs.configure(settings.log)
    run_in_loop(_serve_until_signalled(settings))


async def _serve_until_signalled(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with only_reason():
        async with running(settings):
            _spare_collector()
            await stop.wait()
            log.info("stopping")
    log.info("stopped")


def _spare_collector() -> None:
    """Have collections leave out what is here to stay: the modules.

    Going over them held the loop up for 60 ms, again and again while many clients connected.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def only_reason() -> Iterator[None]:
    """Raise what made a task group fail in the group's place, if it is an error of ours."""
    try:
        yield
    except BaseExceptionGroup as group:
        reason: BaseException | None = group.subgroup(PgrokError)
        while isinstance(reason, BaseExceptionGroup):
            reason = reason.exceptions[0]
        if reason is None:
            raise
        raise reason from None


@dataclass(frozen=True)
class Running:
    """A daemon that serves."""

    store: Store
    host_keys: list[HostKey]
    registry: Registry[Tunnel]

    @property
    def fingerprints(self) -> list[str]:
        """The host keys' fingerprints, first of all the one that our client is shown."""
        return fingerprints(self.host_keys)


def fingerprints(host_keys: list[HostKey]) -> list[str]:
    """Return the fingerprints in the order in which our client prefers the keys."""
    order = {name: place for place, name in enumerate(algorithms.HOST_KEYS)}
    ranked = sorted(
        host_keys, key=lambda key: (order.get(key.algorithm, len(order)), not key.preferred)
    )
    return [key.fingerprint for key in ranked]


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """Serve while the body runs, then drain.

    Raises `StoreError` if the database cannot be used, `UsageError` if an address is taken.
    """
    async with AsyncExitStack() as stack:
        store = await Store.open(settings.database.url, own_labels=settings.own_labels)
        stack.push_async_callback(store.close)
        await stack.enter_async_context(store.only_daemon())
        rooms = _Rooms(settings, store, await store.host_keys.all())
        dashboard = rooms.dashboard(await _provider(settings, stack))
        stack.callback(rooms.stop_listening)
        await rooms.expect_names()
        await rooms.listen()
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [
            group.create_task(dashboard.serve(), name="web"),
            group.create_task(sshd.watch_tokens(rooms.services), name="watch tokens"),
        ]
        try:
            yield Running(store, rooms.host_keys, rooms.registry)
        finally:
            await rooms.drain()
            dashboard.should_exit = True
            tasks[1].cancel()


async def _provider(settings: Settings, stack: AsyncExitStack) -> Provider | None:
    """Return the identity provider, if there is one; only then is its room worth loading."""
    if settings.identity_provider is None:
        return None
    import httpx2

    from pgrok.server.oidc.provider import Provider

    return Provider(
        settings.identity_provider,
        await stack.enter_async_context(httpx2.AsyncClient()),
        external_url=settings.external_url,
        clock=system_clock,
    )


class _Rooms:
    """The rooms that carry tunnels, and what they share."""

    def __init__(self, settings: Settings, store: Store, host_keys: list[HostKey]) -> None:
        loop = asyncio.get_running_loop()
        deadlines = Deadlines(loop)
        proxy = settings.proxy
        self.settings = settings
        self.host_keys = host_keys
        self.registry: Registry[Tunnel] = Registry(loop.time)
        self.front = Front(
            lambda label: self.registry.find((TunnelKind.HTTP, label)),
            domain=proxy.host_domain,
            scheme=proxy.scheme,
            trusted_proxies=proxy.trusted_proxies,
            deadlines=deadlines,
            parking_seconds=proxy.parking_seconds,
        )
        self.services = Services(
            store=store,
            claims=Claims(self.registry, sshd.naming_secret(host_keys)),
            deadlines=deadlines,
            proxy=proxy,
            open_port=partial(open_port, proxy.tcp.host or proxy.host),
            parking=self.front.parking,
            clock=system_clock,
            sessions=Members(),
        )
        self._closers: list[Callable[[], None]] = []

    async def expect_names(self) -> None:
        """Let requests wait for the tunnels that the daemon before this one had."""
        for name in await self.services.store.live_names.take():
            self.front.parking.vanished(name)

    async def _leave_names(self) -> None:
        keys = [lease.key for lease in self.registry]
        names = [str(name) for kind, name in keys if kind is TunnelKind.HTTP]
        try:
            await self.services.store.live_names.leave(names)
        except StoreError as error:
            log.warning("live names not left to the next daemon", reason=str(error))

    async def listen(self) -> None:
        """Open the public front and the SSH port."""
        proxy = self.settings.proxy
        front_address = Address(proxy.host, proxy.port)
        ssh_address = Address(self.settings.sshd.host, self.settings.sshd.port)
        with _names_the_key("proxy.port", front_address):
            front = await sockets.listen(self.front.accept, front_address.host, front_address.port)
        self._closers.append(front.close)
        with _names_the_key("sshd.port", ssh_address):
            listener = await sshd.start(ssh_address, self.host_keys, self.services)
        self._closers.append(listener.close)
        log.info("visitors", at=proxy.public_url("NAME"), listening=str(front_address))
        log.info("clients", at=self.settings.client_address, listening=str(ssh_address))

    def dashboard(self, provider: Provider | None) -> WebServer:
        """Return the dashboard, which has its port and is yet to serve."""
        address = Address(self.settings.web.host, self.settings.web.port)
        with _names_the_key("web.port", address):
            listening = listen(address.host, address.port)
        application = web.build(
            self.settings,
            self.services.store,
            self.live_tunnels,
            fingerprints(self.host_keys),
            provider,
            system_clock,
        )
        log.info("dashboard", at=self.settings.external_url, listening=str(address))
        return WebServer(application, listening)

    def live_tunnels(self, person_id: int) -> list[LiveTunnel]:
        """Return what the dashboard shows."""
        return [tunnel.describe() for tunnel in self.registry.of_person(person_id)]

    def stop_listening(self) -> None:
        """Accept nobody any more; once is as good as twice."""
        for close in self._closers:
            close()

    async def drain(self) -> None:
        """Accept nobody, let requests finish, then send the clients away."""
        self.stop_listening()
        self.front.drain()
        await self.front.connections.gone(DRAIN_SECONDS)
        await self._leave_names()
        sshd.say_goodbye(self.services.sessions)
        await self.services.sessions.gone(GOODBYE_SECONDS)


@contextmanager
def _names_the_key(key: str, address: Address) -> Iterator[None]:
    """Say which setting is to be changed when an address cannot be listened on."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"cannot listen on {address}: {reason}. "
            f"Stop the program that has the port, or set {key} to another one."
        ) from None
