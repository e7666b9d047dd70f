"""The daemon: builds every room, starts them, and drains them when it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial

import httpx2
import structlog
import uvicorn

from pgrok.address import Address
from pgrok.errors import UsageError
from pgrok.loop import run_in_loop
from pgrok.protocol import TunnelKind
from pgrok.relay.deadlines import Deadlines
from pgrok.server import logs
from pgrok.server.members import Members
from pgrok.server.oidc.provider import Provider
from pgrok.server.proxy.front import Front
from pgrok.server.proxy.tcp import open_port
from pgrok.server.registry import LiveTunnel, Registry
from pgrok.server.settings import Settings
from pgrok.server.sshd import listener as sshd
from pgrok.server.sshd.claims import Claims
from pgrok.server.sshd.session import Services
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.server.store.database import Store
from pgrok.server.store.records import HostKey, system_clock
from pgrok.server.web import app as web

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
    async with running(settings):
        await stop.wait()
        log.info("stopping")
    log.info("stopped")


@dataclass(frozen=True)
class Running:
    """A daemon that serves."""

    store: Store
    host_keys: list[HostKey]
    registry: Registry[Tunnel]


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
        provider = None
        if settings.identity_provider is not None:
            http = await stack.enter_async_context(httpx2.AsyncClient())
            provider = Provider(
                settings.identity_provider,
                http,
                external_url=settings.external_url,
                clock=system_clock,
            )
        await rooms.listen(stack)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        server = _WebServer(settings, rooms, provider)
        tasks = [
            group.create_task(server.serve(), name="web"),
            group.create_task(sshd.watch_tokens(rooms.services), name="watch tokens"),
        ]
        try:
            yield Running(store, rooms.host_keys, rooms.registry)
        finally:
            await rooms.drain()
            server.should_exit = True
            tasks[1].cancel()


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
        )
        self.services = Services(
            store=store,
            claims=Claims(self.registry, sshd.naming_secret(host_keys)),
            deadlines=deadlines,
            proxy=proxy,
            open_port=partial(open_port, proxy.tcp.host or proxy.host),
            clock=system_clock,
            sessions=Members(),
        )
        self._closers: list[Callable[[], None]] = []

    async def listen(self, stack: AsyncExitStack) -> None:
        """Open the public front and the SSH port."""
        proxy, ssh = self.settings.proxy, self.settings.sshd
        loop = asyncio.get_running_loop()
        with _names_the_key("proxy.port", proxy.host, proxy.port):
            front = await loop.create_server(
                self.front.accept, proxy.host, proxy.port, backlog=1024
            )
        stack.callback(front.close)
        with _names_the_key("sshd.port", ssh.host, ssh.port):
            listener = await sshd.start(Address(ssh.host, ssh.port), self.host_keys, self.services)
        stack.callback(listener.close)
        self._closers += (front.close, listener.close)
        front_address, ssh_address = Address(proxy.host, proxy.port), Address(ssh.host, ssh.port)
        log.info("visitors", at=proxy.public_url("NAME"), listening=str(front_address))
        log.info("clients", at=self.settings.client_address, listening=str(ssh_address))

    def live_tunnels(self, person_id: int) -> list[LiveTunnel]:
        """Return what the dashboard shows."""
        return [tunnel.describe() for tunnel in self.registry.of_person(person_id)]

    async def drain(self) -> None:
        """Accept nobody, let requests finish, then send the clients away."""
        for close in self._closers:
            close()
        self.front.drain()
        await self.front.connections.gone(DRAIN_SECONDS)
        sshd.say_goodbye(self.services.sessions)
        await self.services.sessions.gone(GOODBYE_SECONDS)


class _WebServer(uvicorn.Server):
    """uvicorn without its own idea of signals: the daemon drains in its own order."""

    def __init__(self, settings: Settings, rooms: _Rooms, provider: Provider | None) -> None:
        application = web.build(
            settings,
            rooms.services.store,
            rooms.live_tunnels,
            [key.fingerprint for key in rooms.host_keys],
            provider,
            system_clock,
        )
        super().__init__(
            uvicorn.Config(
                application,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=2,
            )
        )
        host, port = settings.web.host, settings.web.port
        with _names_the_key("web.port", host, port):
            self._socket = _bind(host, port)
        log.info("dashboard", at=settings.external_url, listening=str(Address(host, port)))

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve the dashboard until `should_exit`."""
        await super().serve(sockets or [self._socket])

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: uvicorn would raise them again after its own end."""
        yield


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError:
        listening.close()
        raise
    return listening


@contextmanager
def _names_the_key(key: str, host: str, port: int) -> Iterator[None]:
    """Say which setting is to be changed when an address cannot be listened on."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"cannot listen on {Address(host, port)}: {reason}. "
            f"Stop the program that has the port, or set {key} to another one."
        ) from None
