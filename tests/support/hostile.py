"""Ends of an SSH connection that send whatever they are told, and mind no rule once they are in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import asyncssh
from asyncssh.constants import MSG_UNIMPLEMENTED
from asyncssh.packet import SSHPacket, UInt32

from pgrok.address import Address
from support.conditions import until
from support.ports import LOOPBACK
from support.transport import TOKEN, host_keys

if TYPE_CHECKING:
    from asyncssh.connection import SSHConnection as Base
else:
    Base = object

UNKNOWN = 192
"""A message that nobody knows (RFC 4251 7: for local extensions): the answer names its number."""


class Hostile(Base):
    """Mixed into asyncssh's connections: sends raw messages and notes what comes back."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *args: Any, **kwargs: Any) -> None:
        super().__init__(loop, *args, **kwargs)
        self.heard: list[tuple[int, bytes]] = []
        """Message number and payload; of a channel's messages without the channel."""
        self._wild = False

    def run_wild(self) -> None:
        """From now on take note of what arrives, and deal with none of it."""
        self._wild = True
        self._channels = _AnyChannel(self)
        self._auth = cast(Any, _Noting(self))
        self._kex_complete = self._auth_complete = True

    def send(self, kind: int, payload: bytes = b"") -> None:
        """Send one message, if anybody is there."""
        if not self.is_closed():
            self.send_packet(kind, payload)

    def kinds(self) -> list[int]:
        """Return the message numbers of what came back."""
        return [kind for kind, _ in self.heard]

    async def heard_out(self) -> bool:
        """Wait until all that was sent has been dealt with; False if that ended the connection."""
        self.send(UNKNOWN)
        answer = (MSG_UNIMPLEMENTED, UInt32(self._send_seq - 1))
        await until(lambda: answer in self.heard or self.is_closed(), "an answer, or the end")
        return not self.is_closed()

    def process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> Any:
        """Take note of a message."""
        if not self._wild:
            return super().process_packet(pkttype, pktid, packet)
        self.heard.append((pkttype, packet.get_remaining_payload()))
        return True

    def internal_error(self, exc_info: Any = None, error_logger: Any = None) -> None:
        """Close, whatever is wrong."""
        self.abort()


class _Noting:
    """Stands where asyncssh has somebody else deal with a message."""

    def __init__(self, connection: Hostile) -> None:
        self.process_packet = connection.process_packet
        self.log_received_packet = connection.log_received_packet

    def cancel(self) -> None:
        """Do nothing: there is nothing under way."""


class _AnyChannel(dict[int, Any]):
    """asyncssh's table of channels, in which every one is there."""

    def __init__(self, connection: Hostile) -> None:
        super().__init__()
        self._noting = _Noting(connection)

    def __missing__(self, _: int) -> _Noting:
        return self._noting


class HostileClient(Hostile, asyncssh.SSHClientConnection):
    """A client."""


class HostileServer(Hostile, asyncssh.SSHServerConnection):
    """A server, which takes every password."""


class _Owner:
    """Whom asyncssh tells how its connection gets on: as soon as somebody is in, it runs wild."""

    def connection_made(self, conn: Base) -> None:
        self._connection = cast(Hostile, conn)

    def auth_completed(self) -> None:
        self._connection.run_wild()


class _Visitor(_Owner, asyncssh.SSHClient):
    pass


class _Careless(_Owner, asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return True


async def hostile_client(
    address: Address, token: str = TOKEN, *, before_it_signs_in: bool = False
) -> HostileClient:
    """Return a client that has signed in, or has only exchanged keys."""
    loop = asyncio.get_running_loop()
    options = asyncssh.SSHClientConnectionOptions(
        client_factory=_Visitor,
        config=None,
        known_hosts=None,
        username="whoever",
        password=token,
        client_keys=None,
        agent_path=None,
        gss_host=None,
        kbdint_auth=False,
    )
    options.waiter = loop.create_future()
    wait = "kex" if before_it_signs_in else "auth"
    _, connection = await loop.create_connection(
        lambda: HostileClient(loop, options, wait=wait), address.host, address.port
    )
    await options.waiter
    if before_it_signs_in:
        await until(lambda: connection._recv_encryption, "both have their keys")
        connection.run_wild()
    return connection


class HostileListener:
    """Listens, and keeps the servers that clients have got."""

    def __init__(self) -> None:
        self.servers: list[HostileServer] = []
        key = asyncssh.import_private_key(host_keys()[0])
        self._options = asyncssh.SSHServerConnectionOptions(
            server_factory=_Careless, server_host_keys=[key], gss_host=None
        )

    async def listen(self) -> Address:
        """Begin; return where."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._serve, LOOPBACK, 0)
        return Address(*self._listener.sockets[0].getsockname()[:2])

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    def _serve(self) -> HostileServer:
        self.servers.append(HostileServer(asyncio.get_running_loop(), self._options))
        return self.servers[-1]
