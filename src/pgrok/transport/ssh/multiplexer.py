"""Channels of ours inside a connection of asyncssh's, and backpressure between the two."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from asyncssh.constants import (
    DISC_BY_APPLICATION,
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_WINDOW_ADJUST,
    MSG_IGNORE,
)
from asyncssh.encryption import GCMEncryption
from asyncssh.packet import SSHPacket, String, UInt32

from pgrok.errors import ConnectionLost
from pgrok.transport.channel import TunnelChannel
from pgrok.transport.link import Buffer
from pgrok.transport.ssh.slot import ChannelSlot

if TYPE_CHECKING:
    from asyncssh.connection import SSHConnection as Base
else:
    Base = object

MAX_PACKET = 32 * 1024
"""Octets of data that one packet to us may carry; what OpenSSH and Go use as well."""

GOODBYE_SECONDS = 2.0
"""How long a peer may take to close after DISCONNECT before the socket is aborted."""

DEFAULT_ROUND_TRIP = 0.25
"""Seconds taken for a round trip until a keepalive has measured one."""


class Multiplexer(Base):
    """Mixed into both of asyncssh's connection classes, before them.

    Implements `pgrok.transport.link.ChannelLink`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *args: Any, **kwargs: Any) -> None:
        super().__init__(loop, *args, **kwargs)
        self.loop = loop
        self.round_trip = DEFAULT_ROUND_TRIP
        self._goodbye_said = False
        self._socket_full = False
        self._waiting: dict[TunnelChannel, None] = {}
        self._signs_of_life: set[asyncio.Future[None]] = set()

    # ChannelLink

    def is_writable(self) -> bool:
        """Whether channel data may be sent: not while the socket is full or keys are renewed."""
        return self._kex_complete and not self._socket_full

    def wait_writable(self, channel: TunnelChannel) -> None:
        """Call `channel.resume_sending` once data may be sent; first come, first served."""
        self._waiting[channel] = None

    def send_data(self, channel: int, data: Buffer) -> None:
        """Send CHANNEL_DATA (RFC 4254 5.2)."""
        self.send_packet(MSG_CHANNEL_DATA, UInt32(channel), UInt32(len(data)), bytes(data))

    def send_window_adjust(self, channel: int, octets: int) -> None:
        """Send CHANNEL_WINDOW_ADJUST (RFC 4254 5.2)."""
        self.send_packet(MSG_CHANNEL_WINDOW_ADJUST, UInt32(channel), UInt32(octets))

    def send_eof(self, channel: int) -> None:
        """Send CHANNEL_EOF (RFC 4254 5.3)."""
        self.send_packet(MSG_CHANNEL_EOF, UInt32(channel))

    def send_close(self, channel: int) -> None:
        """Send CHANNEL_CLOSE (RFC 4254 5.3)."""
        self.send_packet(MSG_CHANNEL_CLOSE, UInt32(channel))

    def forget(self, channel: TunnelChannel) -> None:
        """Free the channel's number; a late packet for it would end the connection."""
        self._waiting.pop(channel, None)
        self._channels.pop(channel.number, None)

    # Channels

    def open_tunnel_channel(
        self, protocol: asyncio.Protocol, kind: str, opening: bytes, extra: dict[str, Any]
    ) -> TunnelChannel:
        """Ask the peer for a channel of that kind, with `opening` as the data of its kind.

        The protocol is told `connection_made` when the peer confirms, and `connection_lost` with
        `ChannelRefused`, without that, when it refuses. Raises `asyncssh.ChannelOpenError` if the
        connection is gone.
        """
        channel = self._add_tunnel_channel(protocol, extra).channel
        self.send_packet(
            MSG_CHANNEL_OPEN,
            String(kind),
            UInt32(channel.number),
            UInt32(channel.initial_window),
            UInt32(MAX_PACKET),
            opening,
        )
        return channel

    def accept_tunnel_channel(
        self,
        protocol: asyncio.Protocol,
        peer: tuple[int, int, int],
        extra: dict[str, Any],
    ) -> TunnelChannel:
        """Confirm a channel that the peer opened; `peer` is its number, window and packet size."""
        slot = self._add_tunnel_channel(protocol, extra)
        channel = slot.channel
        self.send_channel_open_confirmation(
            peer[0], channel.number, channel.initial_window, MAX_PACKET
        )
        slot.opened(*peer)
        return channel

    def _add_tunnel_channel(self, protocol: asyncio.Protocol, extra: dict[str, Any]) -> ChannelSlot:
        channel = TunnelChannel(self, protocol, 0, extra)
        slot = ChannelSlot(channel, lambda: self._refuse_channel_request(channel))
        channel.number = self.add_channel(slot)  # type: ignore[arg-type]
        return slot

    def _refuse_channel_request(self, channel: TunnelChannel) -> None:
        self.send_packet(MSG_CHANNEL_FAILURE, UInt32(channel.peer_number))

    # Backpressure

    def pause_writing(self) -> None:
        """The socket takes no more: channels queue from now on, and pause their writers."""
        self._socket_full = True

    def resume_writing(self) -> None:
        """The socket takes data again."""
        self._socket_full = False
        self._resume_waiting()

    def _resume_waiting(self) -> None:
        """Let the channels that wait go on, in turn, so that a busy one does not starve others."""
        while self._waiting and self.is_writable():
            channel = next(iter(self._waiting))
            del self._waiting[channel]
            channel.resume_sending()

    def send_newkeys(self, k: bytes, h: bytes) -> None:
        """Finish a key exchange on our side; data may flow again."""
        super().send_newkeys(k, h)
        self._resume_waiting()

    def send_packet(self, pkttype: int, *args: bytes, handler: Any = None) -> None:
        """Send a packet, but none that asyncssh sends only to hide the start of a CBC block."""
        if pkttype == MSG_IGNORE and isinstance(self._send_encryption, GCMEncryption):
            return
        super().send_packet(pkttype, *args, handler=handler)

    # The end

    def say_goodbye(self, reason: str) -> None:
        """Send DISCONNECT (RFC 4253 11.1) and close as soon as the peer has had it.

        asyncssh aborts the socket at once, which discards the message more often than not.
        """
        if self._transport is None or self._goodbye_said:
            return
        for slot in list(self._channels.values()):
            slot.close()
        self._send_disconnect(DISC_BY_APPLICATION, reason, "")
        self._goodbye_said = True
        self._transport.write_eof()
        self.loop.call_later(GOODBYE_SECONDS, self.abort)

    def _send(self, data: bytes) -> None:
        if not self._goodbye_said:
            super()._send(data)

    # Signs of life

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        """Bytes from the peer, who is alive."""
        if self._signs_of_life:
            self._tell_alive()
        super().data_received(data, datatype)

    async def probe(self) -> None:
        """Ask the peer for a sign of life and return when there is one, of whatever kind.

        Raises `ConnectionLost` when the connection is lost first.
        """
        sign = self.loop.create_future()
        self._signs_of_life.add(sign)
        try:
            self._send_probe()
            await sign
        finally:
            self._signs_of_life.discard(sign)

    def _send_probe(self) -> None:
        if self.is_closed():
            raise ConnectionLost("the SSH connection is gone")
        # The answer is matched by order, so that it needs a waiter although nobody awaits it.
        self._global_request_waiters.append(self.loop.create_future())
        self._send_global_request(b"keepalive@openssh.com", want_reply=True)

    def _tell_alive(self) -> None:
        for sign in self._signs_of_life:
            if not sign.done():
                sign.set_result(None)

    async def _make_keepalive_request(self) -> None:
        begin = time.monotonic()
        await super()._make_keepalive_request()
        self.round_trip = time.monotonic() - begin

    def _cleanup(self, exc: Exception | None) -> None:
        for sign in self._signs_of_life:
            if not sign.done():
                sign.set_exception(ConnectionLost("the SSH connection was lost while probing"))
        self._waiting.clear()
        super()._cleanup(exc)


def read_forwarded_open(packet: SSHPacket) -> tuple[bytes, int, str, int]:
    """Return address, port and originator of a `forwarded-tcpip` open (RFC 4254 7.2)."""
    address, port = packet.get_string(), packet.get_uint32()
    originator, originator_port = packet.get_string(), packet.get_uint32()
    packet.check_end()
    return address, port, originator.decode("utf-8", "replace"), originator_port


def write_forwarded_open(address: bytes, port: int, originator: tuple[str, int]) -> bytes:
    """Return the data of a `forwarded-tcpip` open (RFC 4254 7.2).

    The address goes back to the letter as the client sent it, and the originator has to be a
    literal IP address with a port above 0: Go's client refuses the channel otherwise.
    """
    host, host_port = originator
    return String(address) + UInt32(port) + String(host) + UInt32(host_port)
