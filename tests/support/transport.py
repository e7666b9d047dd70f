"""Both ends of the SSH transport over loopback, in one loop, with a server that does as told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import cast

import asyncssh

from pgrok.address import Address
from pgrok.errors import PgrokError, TunnelRefused
from pgrok.transport.admission import Admission
from pgrok.transport.bounds import Bounds
from pgrok.transport.client import connect
from pgrok.transport.doorway import Doorway
from pgrok.transport.interfaces import Connection, Fault, Forward, HostKeyInfo
from pgrok.transport.server import Listener, listen
from pgrok.transport.ssh.client import ClientConnection
from pgrok.transport.ssh.server import ServerConnection
from pgrok.transport.waiting import WaitingRoom
from support.channels import Noting
from support.conditions import until
from support.ports import LOOPBACK

TOKEN = "a token that holds"
BOUNDS = Bounds(
    waiting=10, login=15, login_attempts=3, keepalive=11, unanswered_keepalives=3, channels=1024
)


@cache
def host_keys() -> list[bytes]:
    """Return private keys of every kind, made once; RSA takes a while."""
    kinds = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"]
    return [asyncssh.generate_private_key(kind).export_private_key() for kind in kinds]


class Scripted:
    """The server's side of one client: notes what it is asked, answers as its test says."""

    def __init__(self, connection: Connection) -> None:
        self.connection = cast(ServerConnection, connection)
        self.passwords: list[str] = []
        self.forwards: list[Forward] = []
        self.cancelled: list[Forward] = []
        self.retired = False
        self.lost: bool | None = None
        """None while the connection stands, then whether the client said goodbye."""

    async def authenticate(self, password: str) -> bool:
        self.passwords.append(password)
        return password == TOKEN

    async def hint(self, payload: bytes) -> bytes:
        if payload == b"bad":
            raise TunnelRefused("a hint that is refused")
        return payload

    async def forward(self, forward: Forward) -> int:
        self.forwards.append(forward)
        return 1000 + len(self.forwards)

    async def cancel(self, forward: Forward) -> None:
        if forward.port == 9:
            raise TunnelRefused("there is no tunnel on port 9")
        self.cancelled.append(forward)

    async def server_info(self, payload: bytes) -> bytes:
        return b"info " + payload

    async def greeting(self) -> str:
        return "hello\n"

    def retire(self) -> None:
        self.retired = True

    def connection_lost(self, *, goodbye: bool, fault: Fault, reason: str) -> None:
        assert self.lost is None
        self.reason = reason
        self.fault = fault
        self.lost = goodbye


class Served:
    """A listening server and the clients it has had."""

    def __init__(self, make: Callable[[Connection], Scripted]) -> None:
        self._make = make
        self.clients: list[Scripted] = []
        self.address = Address(LOOPBACK, 0)
        self.listener: Listener | None = None

    @property
    def client(self) -> Scripted:
        """The client that came last."""
        return self.clients[-1]

    def accept(self, connection: Connection) -> Scripted:
        self.clients.append(self._make(connection))
        return self.client


@asynccontextmanager
async def serving(
    make: Callable[[Connection], Scripted] = Scripted,
    *,
    room: WaitingRoom[Doorway] | None = None,
    bounds: Bounds = BOUNDS,
) -> AsyncIterator[Served]:
    """Serve while the body runs, then wait for the end of every connection."""
    served = Served(make)
    served.listener = await listen(
        Address(LOOPBACK, 0),
        host_keys=host_keys(),
        accept=served.accept,
        room=room or room_of(),
        bounds=bounds,
    )
    (served.address,) = served.listener.addresses
    try:
        yield served
    finally:
        served.listener.close()
        for client in served.clients:
            client.connection.abort()
        await until(lambda: all(c.lost is not None for c in served.clients), "all clients gone")


def room_of(
    *, in_all: int = 256, per_address: int = 32, waiting: int = 256
) -> WaitingRoom[Doorway]:
    """Return a room for so many half-open connections, in which so many more may wait."""
    inside = Admission(in_all=in_all, per_address=per_address)
    return WaitingRoom(inside, in_all=waiting, per_address=waiting)


def trust(_: HostKeyInfo) -> bool:
    """Take any host key."""
    return True


@asynccontextmanager
async def connected(
    served: Served, token: str = TOKEN, **options: object
) -> AsyncIterator[ClientConnection]:
    """Our own client, connected while the body runs."""
    connection = await connect(
        served.address,
        token=token,
        check_host_key=trust,
        client_version="test",
        **options,  # type: ignore[arg-type]
    )
    try:
        yield connection
    finally:
        connection.abort()
        await connection.wait_closed()


@asynccontextmanager
async def raw(served: Served, password: str = TOKEN) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A foreign client, connected while the body runs."""
    async with asyncssh.connect(
        served.address.host,
        served.address.port,
        config=None,
        known_hosts=None,
        username="whoever",
        password=password,
        client_keys=None,
        agent_path=None,
        gss_host=None,
        kbdint_auth=False,
    ) as connection:
        yield connection


Accepting = Callable[[Address], asyncio.Protocol]


class Acceptor:
    """Takes a client's channels: each gets a protocol that notes."""

    def __init__(self, make: Callable[[], Noting] = Noting) -> None:
        self._make = make
        self.protocols: list[Noting] = []
        self.originators: list[Address] = []

    def __call__(self, originator: Address) -> Noting:
        self.originators.append(originator)
        self.protocols.append(self._make())
        return self.protocols[-1]


@asynccontextmanager
async def channels(
    served: Served, accept: Acceptor | None = None
) -> AsyncIterator[tuple[Opener, Acceptor, ClientConnection]]:
    """A client with a forward: what opens channels to it, and what takes them there."""
    acceptor = accept or Acceptor()
    async with connected(served) as connection:
        port = await connection.forward(acceptor)
        yield Opener(served.client.connection, port), acceptor, connection


class Opener:
    """Opens channels from the server to a client."""

    def __init__(self, connection: ServerConnection, port: int) -> None:
        self.connection = connection
        self._forward = Forward(b"0.0.0.0", port)

    def begin(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Ask for a channel."""
        return self.connection.open_channel(protocol, self._forward, Address("192.0.2.1", 4000))

    async def open(self) -> Noting:
        """Return the protocol of a channel that stands."""
        protocol = Noting()
        self.begin(protocol)
        await until(lambda: protocol.events, "the channel stands")
        assert protocol.events == ["made"], protocol.error
        return protocol


async def refused(work: Awaitable[object]) -> PgrokError:
    """Return the error with which `work` fails."""
    try:
        await work
    except PgrokError as error:
        return error
    raise AssertionError("it was not refused")
