"""Channels without an SSH connection: a link that notes what is sent, a protocol too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from typing import Any, cast

from pgrok.transport.channel import TunnelChannel
from pgrok.transport.link import Buffer, Channel
from pgrok.transport.ssh.rooms import LENT
from support.manual_loop import manual_loop

WINDOW = 1 << 20
MAX_PACKET = 32 * 1024


class NotingLink:
    """A connection that notes what its channels send; `room` is how much data it still takes."""

    def __init__(self) -> None:
        self.loop = manual_loop()
        self.shortest_round_trip = 0.1
        self.octets_received = 0
        self.sent: list[tuple[Any, ...]] = []
        self.forgotten: list[Channel] = []
        self.room = inf
        self.waiting: dict[Channel, None] = {}
        self.lent = memoryview(bytearray(LENT))

    def run(self) -> None:
        self.loop.run()

    def take_sent(self) -> list[tuple[Any, ...]]:
        """Return what was sent since the last call."""
        sent, self.sent = self.sent, []
        return sent

    def go_on(self, packets: float = inf) -> None:
        """Take that many packets more."""
        self.room = packets
        while self.waiting and self.writable:
            channel = next(iter(self.waiting))
            del self.waiting[channel]
            channel.resume_sending()

    # ChannelLink

    @property
    def writable(self) -> bool:
        return self.room > 0

    def wait_writable(self, channel: Channel) -> None:
        self.waiting[channel] = None

    def send_data(self, channel: int, data: Buffer) -> None:
        self.room -= 1
        self.sent.append(("data", channel, bytes(data)))

    def send_lent(self, channel: int, begin: int, octets: int) -> None:
        self.send_data(channel, self.lent[begin : begin + octets])
        self.lent[: begin + octets] = b"\xaa" * (begin + octets)

    def send_window_adjust(self, channel: int, octets: int) -> None:
        self.sent.append(("adjust", channel, octets))

    def send_eof(self, channel: int) -> None:
        self.sent.append(("eof", channel))

    def send_close(self, channel: int) -> None:
        self.sent.append(("close", channel))

    def forget(self, channel: Channel) -> None:
        self.forgotten.append(channel)


class Noting(asyncio.Protocol):
    """Notes what it is told; `eof_received` keeps the transport open unless told otherwise.

    `on_data` is called with every piece, for tests whose protocol does something then.
    """

    def __init__(self, *, keep_open: bool = True) -> None:
        self.events: list[str] = []
        self.data = bytearray()
        self.error: Exception | None = None
        self.keep_open = keep_open
        self.on_data: Callable[[bytes], object] = len
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.events.append("made")

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.events.append("data")
        self.on_data(data)

    def eof_received(self) -> bool:
        self.events.append("eof")
        return self.keep_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append("lost")
        self.error = exc

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")


class Stand:
    """A channel that stands, number 7 at the peer, and everything around it."""

    def __init__(
        self, *, opened: bool = True, window: int = WINDOW, max_packet: int = MAX_PACKET
    ) -> None:
        self.link = NotingLink()
        self.protocol = Noting()
        self.channel = TunnelChannel(self.link, self.protocol, 3)
        if opened:
            self.channel.opened(7, window, max_packet)
            assert self.take_events() == ["made"]

    def run(self) -> None:
        self.link.run()

    def sent(self) -> list[tuple[Any, ...]]:
        return self.link.take_sent()

    def take_events(self) -> list[str]:
        """Return what the protocol was told since the last call."""
        events, self.protocol.events = self.protocol.events, []
        return events
