"""Channels of ours inside a connection of asyncssh's, and backpressure between the two."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

import asyncssh
from asyncssh.constants import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_OPEN,
    MSG_IGNORE,
    OPEN_UNKNOWN_CHANNEL_TYPE,
)
from asyncssh.encryption import GCMEncryption
from asyncssh.packet import SSHPacket, String, UInt32

from pgrok.errors import ChannelRefused, ConnectionLost
from pgrok.sockets import keep_queue_short
from pgrok.transport.channel import TunnelChannel
from pgrok.transport.link import Channel
from pgrok.transport.ssh.gcm import LENGTH, TAG, PacketCipher
from pgrok.transport.ssh.inbound import Inbound
from pgrok.transport.ssh.outbound import FLUSH_AT
from pgrok.transport.ssh.slot import ChannelSlot
from pgrok.transport.window import MAX_PACKET

MAX_CHANNELS = 1024
"""Channels of one connection; beyond them none is opened, by either end. A server may be set to
another number; the client takes so many."""

MAX_UNSENT = 1024 * 1024
"""Octets besides channel data that may wait for a peer who does not read what it asked for."""

MAX_DEFERRED = 8192
"""Packets besides channel data that may wait for the end of a key exchange."""


class Multiplexer(Inbound):
    """Mixed into both of asyncssh's connection classes, before them.

    Implements `pgrok.transport.link.ChannelLink`.
    """

    max_channels = MAX_CHANNELS

    def __init__(self, loop: asyncio.AbstractEventLoop, *args: Any, **kwargs: Any) -> None:
        super().__init__(loop, *args, **kwargs)
        self.writable = False
        self._socket_full = False
        self._unsent = 0
        self._waiting: dict[Channel, None] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let small answers overtake what a bulk channel has to send."""
        keep_queue_short(transport.get_extra_info("socket"))
        super().connection_made(transport)

    # ChannelLink

    def wait_writable(self, channel: Channel) -> None:
        """Call `channel.resume_sending` once data may be sent; each in its turn."""
        self._waiting[channel] = None

    def send_eof(self, channel: int) -> None:
        """Send CHANNEL_EOF (RFC 4254 5.3)."""
        self.send_packet(MSG_CHANNEL_EOF, UInt32(channel))

    def send_close(self, channel: int) -> None:
        """Send CHANNEL_CLOSE (RFC 4254 5.3)."""
        self.send_packet(MSG_CHANNEL_CLOSE, UInt32(channel))

    def forget(self, channel: Channel) -> None:
        """Free the channel's number; a late packet for it would end the connection."""
        self._waiting.pop(channel, None)
        self._channels.pop(channel.number, None)

    # Channels

    @property
    def channels(self) -> int:
        """Channels that there are, those of sessions included."""
        return len(self._channels)

    def open_tunnel_channel(
        self, protocol: asyncio.Protocol, kind: str, opening: bytes, extra: dict[str, Any]
    ) -> TunnelChannel:
        """Ask the peer for a channel of that kind, with `opening` as the data of its kind.

        The protocol is told `connection_made` when the peer confirms, and `connection_lost` with
        `ChannelRefused`, without that, when it refuses. Raises `ConnectionLost` if the connection
        is gone, and `ChannelRefused` if it has as many channels as it may.
        """
        if self.is_closed() or self._transport is None:
            raise ConnectionLost("the SSH connection is gone")
        if len(self._channels) >= self.max_channels:
            raise ChannelRefused(f"the SSH connection has {self.max_channels} channels already")
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

    # asyncssh looks for handlers by the name of what is asked for, and for a channel of the type
    # "channel" finds its own of CHANNEL_OPEN, which takes other arguments.
    def _process_channel_open(self, _packet: SSHPacket) -> NoReturn:  # type: ignore[override]
        raise asyncssh.ChannelOpenError(OPEN_UNKNOWN_CHANNEL_TYPE, "unknown channel type")

    # Backpressure

    def pause_writing(self) -> None:
        """The socket takes no more: channels queue from now on, and pause their writers."""
        self._socket_full = True
        self._unsent = 0
        self._see_whether_writable()

    def resume_writing(self) -> None:
        """The socket takes data again."""
        self._socket_full = False
        self._see_whether_writable()
        self._resume_waiting()

    def _see_whether_writable(self) -> None:
        """Channel data is not sent while the socket is full or keys are renewed."""
        self.writable = self._kex_complete and not self._socket_full

    def _resume_waiting(self) -> None:
        """Let the channels that wait go on, a packet each in turn: none waits for all of a bulk."""
        while self._waiting and self.writable:
            channel = next(iter(self._waiting))
            del self._waiting[channel]
            channel.resume_sending()
            if self._unwritten_octets >= FLUSH_AT:
                self._flush()  # which shows whether the socket is full again

    def send_newkeys(self, k: bytes, h: bytes) -> None:
        """Finish a key exchange on our side; data may flow again."""
        super().send_newkeys(k, h)
        self._see_whether_writable()
        self._resume_waiting()

    def _send_kexinit(self) -> None:
        super()._send_kexinit()
        self._see_whether_writable()

    def send_packet(self, pkttype: int, *args: bytes, handler: Any = None) -> None:
        """Send a packet, but none that asyncssh sends only to hide the start of a CBC block."""
        if pkttype == MSG_IGNORE and isinstance(self._send_encryption, GCMEncryption):
            return
        if len(self._deferred_packets) >= MAX_DEFERRED:
            self._force_close(asyncssh.ProtocolError("it does not end its key exchange"))
            return
        super().send_packet(pkttype, *args, handler=handler)

    def _send(self, data: bytes) -> None:
        self._count_unsent(len(data))
        super()._send(data)

    def _send_beside(self, sealer: PacketCipher, packet: bytes) -> None:
        self._count_unsent(LENGTH + len(packet) + TAG)
        super()._send_beside(sealer, packet)

    def _count_unsent(self, octets: int) -> None:
        """Channel data waits at its channel; what is sent beside it has to wait here."""
        if self._socket_full:
            self._unsent += octets
            if self._unsent > MAX_UNSENT:
                self._force_close(asyncssh.ProtocolError("it does not read its answers"))

    def _cleanup(self, exc: Exception | None) -> None:
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
