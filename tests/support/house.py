"""A whole daemon in this process, on free ports and a database of its own, and its clients."""

from __future__ import annotations

import asyncio
import shutil
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from pgrok.address import Address
from pgrok.protocol import HINT, SERVER_INFO, Hint, ServerInfo, ServerInfoRequest, TunnelKind
from pgrok.server.daemon import Running, running
from pgrok.server.registry import Key
from pgrok.server.settings import (
    DatabaseSettings,
    LimitSettings,
    ProxySettings,
    Settings,
    SSHDSettings,
    TCPSettings,
    TimeoutSettings,
    WebSettings,
)
from pgrok.server.sshd.tunnels import Tunnel
from pgrok.server.store import Person, Store
from pgrok.server.store.records import Clock, system_clock
from pgrok.transport.client import connect
from pgrok.transport.ssh.client import Accept, ClientConnection
from support.channels import Noting
from support.conditions import until
from support.ports import LOOPBACK, free_port, free_range
from support.transport import Acceptor, trust

LIMITS = LimitSettings()
TIMEOUTS = TimeoutSettings()


@cache
def _template() -> Path:
    """Return a database with nobody in it: making its RSA key takes longer than most tests."""
    file = Path(mkdtemp(prefix="pgrok-house-")) / "pgrokd.db"

    async def make() -> None:
        await (await Store.open(f"sqlite:///{file}")).close()

    asyncio.run(make())
    return file


def new_database(folder: Path) -> str:
    """Return the URL of a fresh database; call it outside of any loop."""
    return f"sqlite:///{shutil.copy(_template(), folder / 'pgrokd.db')}"


@dataclass
class Client:
    """One connection of a client, and the tunnel it has."""

    connection: ClientConnection
    url: str = ""
    port: int = 0
    acceptor: Accept = field(default_factory=Acceptor)

    @property
    def label(self) -> str:
        """The first label of an http tunnel's host."""
        return self.url.removeprefix("http://").partition(".")[0]

    @property
    def public_port(self) -> int:
        """The port in a tcp tunnel's URL."""
        return int(self.url.rpartition(":")[2])

    async def open(self, hint: Hint | None) -> None:
        """Ask for a tunnel as clients do; those that are not ours may give no hint."""
        if hint is not None:
            await self.connection.request(HINT, hint.encode())
        self.port = await self.connection.forward(self.acceptor)
        question = ServerInfoRequest(hint.kind if hint else None).encode()
        answer = await self.connection.request(SERVER_INFO, question)
        self.url = ServerInfo.decode(answer).host_url

    def stop(self) -> None:
        """Neither read nor answer any more, as a stopped process does."""
        assert self.connection._transport
        self.connection._transport.pause_reading()

    def go_on(self) -> None:
        """Wake up again."""
        assert self.connection._transport
        self.connection._transport.resume_reading()


class Visitor(Noting):
    """Notes what comes to a visitor's socket."""

    @property
    def socket(self) -> asyncio.Transport:
        """His side of the connection."""
        assert self.transport
        return self.transport


class House:
    """The daemon, and who may connect to it."""

    def __init__(self, settings: Settings, daemon: Running) -> None:
        self.settings = settings
        self.daemon = daemon
        self.ssh = Address(LOOPBACK, settings.sshd.port)
        self.clients: list[Client] = []
        self.visitors: list[Visitor] = []

    @property
    def tcp(self) -> range:
        """The public TCP ports."""
        return range(self.settings.proxy.tcp.port_start, self.settings.proxy.tcp.port_end)

    def tunnel(self, key: Key) -> Tunnel:
        """Return the tunnel that holds a name or port."""
        found = self.daemon.registry.find(key)
        assert found is not None, key
        return found

    async def person(self, name: str) -> tuple[Person, str]:
        """Add a person; return them with a token."""
        person = await self.daemon.store.people.add(name, name)
        return person, await self.daemon.store.tokens.issue(person.id, "test")

    async def connect(self, token: str, acceptor: Accept | None = None) -> Client:
        """Return a connection without a tunnel; it is closed with the house."""
        connection = await connect(
            self.ssh, token=token, check_host_key=trust, client_version="test"
        )
        client = Client(connection, acceptor=acceptor or Acceptor())
        self.clients.append(client)
        return client

    async def http(
        self,
        token: str,
        instance: str | None = None,
        generation: int = 1,
        *,
        acceptor: Accept | None = None,
    ) -> Client:
        """Return a client with an http tunnel; without an instance it is as the original's."""
        client = await self.connect(token, acceptor)
        await client.open(Hint(TunnelKind.HTTP, instance, generation))
        return client

    async def tcp_tunnel(
        self,
        token: str,
        instance: str | None = None,
        generation: int = 1,
        *,
        acceptor: Accept | None = None,
    ) -> Client:
        """Return a client with a tcp tunnel."""
        client = await self.connect(token, acceptor)
        await client.open(Hint(TunnelKind.TCP, instance, generation))
        return client

    async def visit(self, port: int) -> Visitor:
        """Return a visitor of a public TCP port, who leaves with the house."""
        loop = asyncio.get_running_loop()
        _, visitor = await loop.create_connection(Visitor, LOOPBACK, port)
        self.visitors.append(visitor)
        return visitor

    async def close(self) -> None:
        """Take everybody away and see that nothing of them is left."""
        for visitor in self.visitors:
            visitor.socket.abort()
        for client in self.clients:
            client.connection.abort()
        await until(lambda: len(self.daemon.registry) == 0, "every lease has been released")


@asynccontextmanager
async def open_house(
    database: str,
    *,
    ports: int = 8,
    limits: LimitSettings = LIMITS,
    timeouts: TimeoutSettings = TIMEOUTS,
    clock: Clock = system_clock,
    **proxy: Any,
) -> AsyncIterator[House]:
    """Serve while the body runs; `proxy` are settings of the front."""
    tcp = free_range(ports)
    settings = Settings(
        web=WebSettings(port=free_port()),
        sshd=SSHDSettings(port=free_port()),
        proxy=ProxySettings(
            port=free_port(),
            domain="localhost",
            tcp=TCPSettings(port_start=tcp.start, port_end=tcp.stop),
            **proxy,
        ),
        database=DatabaseSettings(url=database),
        limits=limits,
        timeouts=timeouts,
    )
    async with running(settings, clock=clock) as daemon:
        house = House(settings, daemon)
        yield house
        await house.close()


class Application(asyncio.Protocol):
    """An HTTP application served straight over a channel: no socket of its own."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, _ = bytes(self._received).partition(b"\r\n\r\n")
        if end:
            self._received.clear()
            assert self._transport
            self._transport.write(self._answer(head))


def application(answer: Callable[[bytes], bytes]) -> Accept:
    """Return what serves each channel with `answer`, from a request's head to a response."""
    return lambda _: Application(answer)


def ok(body: bytes, *fields: bytes) -> bytes:
    """Return a response with that body."""
    head = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *fields, b"", b""]
    return b"\r\n".join(head) + body


async def get(port: int, host: str, *fields: str, target: str = "/") -> tuple[str, bytes]:
    """Send one request and return head and body of the response."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "Connection: close", *fields, "", ""]
    writer.write("\r\n".join(lines).encode("latin-1"))
    response = await reader.read()
    writer.close()
    head, _, body = response.partition(b"\r\n\r\n")
    return head.decode("latin-1"), body


def reset(transport: asyncio.BaseTransport) -> None:
    """Let a visitor vanish: his system answers whatever comes with a reset."""
    now = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
    transport.abort()  # type: ignore[attr-defined]


async def within(seconds: float, work: Awaitable[object]) -> float:
    """Return how many seconds `work` took, which are at most as many as given."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    async with asyncio.timeout(seconds):
        await work
    return loop.time() - begin
