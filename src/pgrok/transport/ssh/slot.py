"""A place in asyncssh's table of channels, taken by a channel of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import asyncssh
from asyncssh.constants import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_SUCCESS,
    MSG_CHANNEL_WINDOW_ADJUST,
)
from asyncssh.packet import SSHPacket

from pgrok.errors import RemoteProtocolError
from pgrok.transport.channel import TunnelChannel

T = TypeVar("T")


class ChannelSlot:
    """Hands the messages of one channel from asyncssh to a `TunnelChannel`.

    asyncssh takes any object with these methods. `refuse_request` answers a CHANNEL_REQUEST,
    none of which a forwarded channel knows.
    """

    __slots__ = ("_refuse_request", "channel")

    def __init__(self, channel: TunnelChannel, refuse_request: Callable[[], None]) -> None:
        self.channel = channel
        self._refuse_request = refuse_request

    def process_packet(self, pkttype: int, _pktid: int, packet: SSHPacket) -> bool:
        """Take one message; the number of the channel has been read off it already."""
        return self._checked(self._process, pkttype, packet)

    def process_open_confirmation(
        self, send_chan: int, send_window: int, send_pktsize: int, packet: SSHPacket
    ) -> None:
        """CHANNEL_OPEN_CONFIRMATION (RFC 4254 5.1)."""
        packet.check_end()
        self.opened(send_chan, send_window, send_pktsize)

    def opened(self, number: int, window: int, max_packet: int) -> None:
        """The channel stands, whoever asked for it; the arguments are the peer's."""
        self._checked(self.channel.opened, number, window, max_packet)

    def process_open_failure(self, _code: int, reason: str, _lang: str) -> None:
        """CHANNEL_OPEN_FAILURE (RFC 4254 5.1)."""
        self._checked(self.channel.refused, reason)

    def process_connection_close(self, _exc: Exception | None) -> None:
        """The connection is gone."""
        self.channel.link_lost()

    def close(self) -> None:
        """The connection is about to send DISCONNECT."""
        self.channel.link_ending()

    def log_received_packet(self, *_args: object) -> None:
        """Log nothing: a packet has no log record of its own."""

    log_sent_packet = log_received_packet

    def _process(self, pkttype: int, packet: SSHPacket) -> bool:
        channel = self.channel
        if pkttype == MSG_CHANNEL_DATA:
            data = packet.get_string()
            packet.check_end()
            channel.data_arrived(data)
        elif pkttype == MSG_CHANNEL_WINDOW_ADJUST:
            octets = packet.get_uint32()
            packet.check_end()
            channel.window_adjusted(octets)
        elif pkttype == MSG_CHANNEL_EOF:
            channel.eof_arrived()
        elif pkttype == MSG_CHANNEL_CLOSE:
            channel.close_arrived()
        elif pkttype == MSG_CHANNEL_EXTENDED_DATA:
            packet.get_uint32()
            channel.data_discarded(len(packet.get_string()))
        elif pkttype == MSG_CHANNEL_REQUEST:
            packet.get_string()
            if packet.get_boolean() and not channel.is_closing():
                self._refuse_request()
        else:
            # Nothing of ours asks for an answer to these.
            return pkttype in (MSG_CHANNEL_SUCCESS, MSG_CHANNEL_FAILURE)
        return True

    @staticmethod
    def _checked(event: Callable[..., T], *arguments: object) -> T:
        """Let asyncssh send DISCONNECT to a peer that breaks the protocol of a channel."""
        try:
            return event(*arguments)
        except RemoteProtocolError as error:
            raise asyncssh.ProtocolError(str(error)) from None
