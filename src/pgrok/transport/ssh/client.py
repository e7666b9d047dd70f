"""The client's end of one SSH connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, NoReturn

import asyncssh
from asyncssh.constants import (
    MSG_DISCONNECT,
    MSG_REQUEST_SUCCESS,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
)
from asyncssh.packet import SSHPacket, String, UInt32
from asyncssh.public_key import SSHKey, decode_ssh_public_key

from pgrok.address import Address
from pgrok.errors import (
    ConnectionLost,
    HostKeyMismatch,
    PgrokError,
    Replaced,
    ServerUnreachable,
    TunnelRefused,
)
from pgrok.protocol import GOING_AWAY, REPLACED
from pgrok.text import printable
from pgrok.transport.interfaces import HostKeyInfo
from pgrok.transport.ssh.multiplexer import Multiplexer, read_forwarded_open

FORWARD_ADDRESS = b"0.0.0.0"
"""What the original's client asks to listen on; it comes back with every channel."""

_HTTP = b"HTTP/"

Accept = Callable[[Address], asyncio.Protocol]


class ClientConnection(Multiplexer, asyncssh.SSHClientConnection):
    """asyncssh's connection with our requests and our channels."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: asyncssh.SSHClientConnectionOptions,
        *,
        check_host_key: Callable[[HostKeyInfo], bool],
    ) -> None:
        super().__init__(loop, options, wait="auth")
        # asyncssh would ask for the ways in first, and there is one only.
        self._auth_methods = [b"password"]
        self._check_host_key = check_host_key
        self.host_key_error: PgrokError | None = None
        self._goodbye: str | None = None
        self._accept: Accept | None = None
        self._forward_port = 0

    @property
    def goodbye(self) -> str | None:
        """What the server said when it ended the connection, if it did."""
        return self._goodbye

    # What the client asks

    @property
    def server(self) -> Address:
        """The server as it was named."""
        return Address(self._host, self._port)

    async def request(self, name: str, payload: bytes) -> bytes:
        """Send a global request (RFC 4254 4); return the payload of the success.

        Raises `TunnelRefused` with the text that came with the failure, if any did, and as
        `wait_lost` if the connection is lost before the answer.
        """
        began = time.monotonic()
        kind, packet = await self._make_global_request(name.encode(), payload)
        self.note_round_trip(time.monotonic() - began)
        answer = packet.get_remaining_payload()
        if kind == MSG_REQUEST_SUCCESS:
            return answer
        if self._transport is None:
            await self.wait_lost()
        text = printable(answer[:1000].decode("utf-8", "replace").strip())
        raise TunnelRefused(text or f"the server refused {name} and gave no reason")

    async def forward(self, accept: Accept) -> int:
        """Ask for a tunnel (RFC 4254 7.1); return the port that the server names.

        `accept` is called with the originator of each channel and returns the protocol that
        gets its bytes; it may be called before the port is known. Raises as `request`.
        """
        self._accept = accept
        try:
            answer = await self.request("tcpip-forward", String(FORWARD_ADDRESS) + UInt32(0))
        except TunnelRefused:
            self._accept = None
            raise
        if len(answer) != 4:
            raise TunnelRefused("the server opened a tunnel and did not say where")
        self._forward_port = int.from_bytes(answer, "big")
        return self._forward_port

    async def wait_lost(self) -> NoReturn:
        """Wait until the connection is gone and raise why.

        Raises `Replaced`, `ServerUnreachable` when the server says that it goes away, else
        `ConnectionLost`.
        """
        await self._close_event.wait()
        if self._goodbye == REPLACED:
            raise Replaced("another client took this tunnel's name")
        if self._goodbye == GOING_AWAY:
            raise ServerUnreachable(GOING_AWAY)
        raise ConnectionLost(self._goodbye or "the connection to the server was lost")

    # What the server does

    def _recv_version(self) -> bool:
        """Name a server of another protocol; asyncssh waits for SSH behind whatever comes first."""
        if self._inpbuf.startswith(_HTTP):
            self._force_close(asyncssh.ProtocolError("it speaks HTTP"))
            return False
        try:
            return super()._recv_version()
        except UnicodeDecodeError:
            raise asyncssh.ProtocolError("its version is not ASCII (RFC 4253 4.2)") from None

    def validate_server_host_key(self, key_data: bytes) -> SSHKey:
        """Have the host key checked before anything secret is sent."""
        key = decode_ssh_public_key(key_data)
        info = HostKeyInfo(key.get_algorithm(), key.get_fingerprint())
        try:
            good = self._check_host_key(info)
        except PgrokError as error:
            self.host_key_error = error
            good = False
        if not good:
            self.host_key_error = self.host_key_error or HostKeyMismatch(
                f"the server's host key {info.fingerprint} is not trusted"
            )
            raise asyncssh.HostKeyNotVerifiable("host key not trusted")
        self._server_host_key = key
        return key

    def _process_forwarded_tcpip_open(self, packet: SSHPacket) -> tuple[Any, Any]:
        _, port, host, host_port = read_forwarded_open(packet)
        # Visitors may be quicker than we are to read the answer, and some servers send port 0.
        if self._accept is None or (self._forward_port and port not in (self._forward_port, 0)):
            raise _prohibited("no such forward")
        if len(self._channels) >= self.max_channels:
            raise _prohibited("too many channels")
        return _IncomingChannel(self, self._accept, Address(host, host_port)), None

    def _process_hostkeys_00_at_openssh_dot_com_global_request(self, _packet: SSHPacket) -> None:
        # asyncssh begins a task for each of these, and keeps those that come meanwhile: a server
        # could have them pile up. Keys are learned by connecting only.
        self._report_global_response(False)

    def _process_disconnect(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        goodbye = SSHPacket(packet.get_remaining_payload())
        goodbye.get_uint32()
        self._goodbye = printable(goodbye.get_string()[:200].decode("utf-8", "replace"))
        super()._process_disconnect(pkttype, pktid, packet)

    # asyncssh finds its handlers in a table, not by their names.
    _packet_handlers = {
        **asyncssh.SSHClientConnection._packet_handlers,
        MSG_DISCONNECT: _process_disconnect,
    }


class _IncomingChannel:
    """What asyncssh wants of a channel that is being opened: that it be told to open."""

    def __init__(self, connection: ClientConnection, accept: Accept, originator: Address) -> None:
        self._connection = connection
        self._accept = accept
        self._originator = originator

    def process_open(self, number: int, window: int, max_packet: int, _session: object) -> None:
        """Confirm the channel and hand it to its protocol."""
        protocol = self._accept(self._originator)
        extra = {"peername": (self._originator.host, self._originator.port)}
        self._connection.accept_tunnel_channel(protocol, (number, window, max_packet), extra)


def _prohibited(reason: str) -> asyncssh.ChannelOpenError:
    return asyncssh.ChannelOpenError(OPEN_ADMINISTRATIVELY_PROHIBITED, reason)
