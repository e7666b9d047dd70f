"""The server's end of one SSH connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncssh
from asyncssh.channel import SSHServerChannel
from asyncssh.constants import (
    DISC_CONNECTION_LOST,
    DISC_NO_MORE_AUTH_METHODS_AVAILABLE,
    MSG_DISCONNECT,
    MSG_GLOBAL_REQUEST,
    MSG_KEXINIT,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_RESOURCE_SHORTAGE,
)
from asyncssh.packet import SSHPacket, UInt32

from pgrok.address import Address
from pgrok.errors import ConnectionLost, PgrokError
from pgrok.text import printable
from pgrok.transport.bounds import Bounds
from pgrok.transport.interfaces import Client, Connection, Fault, Forward
from pgrok.transport.ssh.guard import Guard
from pgrok.transport.ssh.multiplexer import Multiplexer, write_forwarded_open
from pgrok.transport.ssh.owner import Owner
from pgrok.transport.ssh.quiet import Quiet
from pgrok.transport.ssh.requests import GlobalRequests
from pgrok.transport.ssh.session import GreetingChannel, GreetingSession

MAX_ADDRESS = 255
"""Octets of the address that a forward names, which goes back with every channel of it."""

MAX_SESSIONS = 4
"""Sessions of plain `ssh` that one connection may have at once; one shows all there is."""

_LONGEST_REASON = 200
"""Characters of a reason that get as far as the log."""

LEAVING_SECONDS = 1.0
"""How long a plain `ssh` may take to end by itself, with exit status 0, after its session has
ended; a visitor who is being served may keep it."""


class ServerConnection(Quiet, Guard, Multiplexer, GlobalRequests, asyncssh.SSHServerConnection):
    """asyncssh's connection with our requests, our channels, and nothing else that SSH can do.

    Implements `pgrok.transport.interfaces.Connection`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: asyncssh.SSHServerConnectionOptions,
        *,
        accept: Callable[[Connection], Client],
        on_login: Callable[[], None],
        bounds: Bounds,
    ) -> None:
        super().__init__(loop, options)
        self.max_channels = bounds.channels
        self._max_attempts = bounds.login_attempts
        self._on_login = on_login
        self._attempts = 0
        self._goodbye = False
        self._too_late = False
        self._accept_client = accept
        self._client: Client | None = None
        self._protocol_factory = lambda: Owner(self)

    # pgrok.transport.interfaces.Connection

    @property
    def peer(self) -> Address:
        """Where the client connects from."""
        return Address(self._peer_addr, self._peer_port)

    @property
    def client_version(self) -> str:
        """What the client calls itself: printable ASCII, whatever it sent."""
        text = self._client_version.decode("ascii", "replace")
        return "".join(letter if " " <= letter <= "~" else "?" for letter in text)

    def open_channel(
        self, protocol: asyncio.Protocol, forward: Forward, originator: Address
    ) -> asyncio.Transport:
        """Open a `forwarded-tcpip` channel (RFC 4254 7.2)."""
        source = (originator.host, originator.port)
        opening = write_forwarded_open(forward.address, forward.port, source)
        return self.open_tunnel_channel(protocol, "forwarded-tcpip", opening, {"peername": source})

    def end(self, reason: str) -> None:
        """Send DISCONNECT with the reason, and close."""
        self.say_goodbye(reason)

    # Before authentication

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to talk, and tell the rest of the house."""
        super().connection_made(transport)
        self._client = self._accept_client(self)

    async def _finish_userauth(self, _begin: bool, method: bytes, packet: SSHPacket) -> None:
        """Answer an attempt to sign in (RFC 4252 5): by password (8), and nothing else.

        asyncssh's own way takes two tasks more, and SASLprep, which leaves every token as it is.
        """
        password = _read_password(packet) if method == b"password" else None
        good = password is not None and await self._authenticate(password)
        if self.is_closed():
            return
        if good:
            await self.send_userauth_success()
        else:
            self.send_userauth_failure(False)

    async def _authenticate(self, password: str) -> bool:
        """Check one password; an error of ours ends the connection without an answer."""
        self._attempts += 1
        if self._attempts > self._max_attempts:
            self.say_goodbye("too many wrong tokens", DISC_NO_MORE_AUTH_METHODS_AVAILABLE)
            return False
        try:
            return await self._require_client().authenticate(password)
        except PgrokError as error:
            self.say_goodbye(str(error))
            return False

    def authenticated(self) -> None:
        """The client is in."""
        self._on_login()
        self.measure_round_trip()

    # Requests of the client (RFC 4254 4, 7.1)

    def _process_hint_global_request(self, packet: SSHPacket) -> None:
        payload = packet.get_remaining_payload()
        self.answer(lambda: self._require_client().hint(payload))

    def _process_server_info_global_request(self, packet: SSHPacket) -> None:
        payload = packet.get_remaining_payload()
        self.answer(lambda: self._require_client().server_info(payload))

    def _process_tcpip_forward_global_request(self, packet: SSHPacket) -> None:
        forward = _read_forward(packet)

        async def open_forward() -> bytes:
            port = await self._require_client().forward(forward)
            return UInt32(port) if forward.port == 0 else b""

        self.answer(open_forward)

    def _process_cancel_tcpip_forward_global_request(self, packet: SSHPacket) -> None:
        forward = _read_forward(packet)

        async def cancel_forward() -> bytes:
            await self._require_client().cancel(forward)
            return b""

        self.answer(cancel_forward)

    def _require_client(self) -> Client:
        if self._client is None:
            raise ConnectionLost("the connection is gone")
        return self._client

    def new_session(self) -> tuple[SSHServerChannel[bytes], GreetingSession]:
        """Return the session of a plain `ssh` without -N: it says where the tunnel is."""
        sessions = [c for c in self._channels.values() if isinstance(c, GreetingChannel)]
        if len(sessions) >= MAX_SESSIONS:
            raise asyncssh.ChannelOpenError(OPEN_RESOURCE_SHORTAGE, "too many sessions")
        channel = GreetingChannel(self, self.loop)
        return channel, GreetingSession(self._require_client().greeting, self._leave)

    def _leave(self) -> None:
        """The person who runs a plain `ssh` is done."""
        if self._client is not None:
            self._client.retire()
        self.loop.call_later(LEAVING_SECONDS, self.end, "goodbye")

    def _refuse_open(self, _packet: SSHPacket) -> tuple[SSHServerChannel[bytes], GreetingSession]:
        raise asyncssh.ChannelOpenError(
            OPEN_ADMINISTRATIVELY_PROHIBITED, "this server only takes remote port forwards"
        )

    _process_direct_tcpip_open = _refuse_open  # type: ignore[assignment]
    _process_direct_streamlocal_at_openssh_dot_com_open = _refuse_open  # type: ignore[assignment]
    _process_tun_at_openssh_dot_com_open = _refuse_open  # type: ignore[assignment]

    def _process_streamlocal_forward_at_openssh_dot_com_global_request(
        self, packet: SSHPacket
    ) -> None:
        self._report_global_response(False)

    def _process_cancel_streamlocal_forward_at_openssh_dot_com_global_request(
        self, packet: SSHPacket
    ) -> None:
        self._report_global_response(False)

    # The end

    def _login_timer_callback(self) -> None:
        self._too_late = True
        super()._login_timer_callback()

    def _process_disconnect(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        self._goodbye = True
        super()._process_disconnect(pkttype, pktid, packet)

    # asyncssh finds its handlers in a table, not by their names.
    _packet_handlers = {
        **asyncssh.SSHServerConnection._packet_handlers,
        MSG_DISCONNECT: _process_disconnect,
        MSG_GLOBAL_REQUEST: GlobalRequests._process_global_request,
        MSG_KEXINIT: Guard._process_kexinit,
    }

    def _cleanup(self, exc: Exception | None) -> None:
        client, self._client = self._client, None
        try:
            super()._cleanup(exc)
        finally:
            if client is not None:
                fault, reason = self._fault(exc), self._reason(exc)
                client.connection_lost(goodbye=self._goodbye, fault=fault, reason=reason)

    def _fault(self, exc: Exception | None) -> Fault:
        if self._too_late:
            return Fault.TIMEOUT
        return Fault.PROTOCOL if _is_offence(exc) else Fault.LOST

    def _reason(self, exc: Exception | None) -> str:
        """Return what the client did wrong; words of its own are in it at times, as in names."""
        by_us = _is_offence(exc) and not self._goodbye
        return printable(str(exc)[:_LONGEST_REASON]) if by_us else ""


def _is_offence(exc: Exception | None) -> bool:
    return isinstance(exc, asyncssh.DisconnectError) and exc.code != DISC_CONNECTION_LOST


def _read_password(packet: SSHPacket) -> str | None:
    """Return the password that somebody signs in with; none if it is to be changed, or no text."""
    is_change, password = packet.get_boolean(), packet.get_string()
    try:
        return None if is_change else password.decode()
    except UnicodeDecodeError:
        return None


def _read_forward(packet: SSHPacket) -> Forward:
    address, port = packet.get_string(), packet.get_uint32()
    packet.check_end()
    if len(address) > MAX_ADDRESS:
        raise asyncssh.ProtocolError(f"an address of {len(address)} octets")
    return Forward(address, port)
