"""The way of packets into a connection: channel data past asyncssh, everything else through it.

One packet's way: `received` hands what was read in place to asyncssh, which calls `_recv_pkthdr`
where a packet begins, with all that came.
`Cutter.packets` finds each packet's end, `PacketCipher.open` opens it, and `_take` hands its data
to the channel; what is neither data nor a keepalive, `_take_slowly` gives to asyncssh as if nobody
had looked at it.
What breaks the protocol is raised as an error of asyncssh's, whose `_recv_data`, around all this,
makes a DISCONNECT of it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncssh
from asyncssh.constants import MSG_CHANNEL_DATA, MSG_CHANNEL_WINDOW_ADJUST

from pgrok.errors import RemoteProtocolError
from pgrok.reading import LARGE_READ, ReadInPlace
from pgrok.transport.buffers import LARGE
from pgrok.transport.link import Buffer
from pgrok.transport.ssh.framing import HEADER, SEQUENCE_LIMIT, Cutter
from pgrok.transport.ssh.gcm import PacketCipher, take_over
from pgrok.transport.ssh.liveness import Liveness
from pgrok.transport.ssh.rooms import rooms
from pgrok.transport.ssh.slot import ChannelSlot

_HEADER_OCTETS, _unpack_header = HEADER.size, HEADER.unpack_from


class Inbound(Liveness):
    """Mixed into both of asyncssh's connection classes, before them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *args: Any, **kwargs: Any) -> None:
        super().__init__(loop, *args, **kwargs)
        self._cutter = Cutter(self._max_recv_pktlen)

    def send_newkeys(self, k: bytes, h: bytes) -> None:
        """Finish a key exchange on our side; the peer's new key waits for its NEWKEYS."""
        super().send_newkeys(k, h)
        self._next_recv_encryption = take_over(self._next_recv_encryption)

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        """Bytes from the peer; after a goodbye nobody listens any more."""
        if self._is_heard():
            super().data_received(data, datatype)
            if len(data) >= LARGE_READ:
                self._read_in_place()

    def _read_in_place(self) -> None:
        """Have the socket read to where packets are opened, if anybody who has signed in sends."""
        transport = self._transport
        if self._auth_final and transport is not None and transport.get_protocol() is self:
            room = rooms.ssh_read
            transport.set_protocol(
                ReadInPlace(self, lambda _: room, lambda octets: self._received(room[:octets]))
            )

    def _received(self, data: memoryview) -> None:
        """Take what was read in place, of which no view is kept."""
        opened_here = type(self._recv_encryption) is PacketCipher and not self._decompressor
        if self._inpbuf or not (opened_here and self._is_at_packet()):
            self.data_received(bytes(data))
        elif self._is_heard():
            # `_recv_pkthdr`, which comes next, takes all of it.
            self._inpbuf = data  # type: ignore[assignment]
            self._recv_data()

    def _recv_pkthdr(self) -> bool:
        """Take what was received; asyncssh calls this where a packet begins.

        Returns whether to be called again at once, for what is left in `_inpbuf`.
        """
        opener = self._recv_encryption
        plain = self._auth_final and not self._decompressor
        if type(opener) is not PacketCipher or opener.opened or not plain:
            return super()._recv_pkthdr()
        received, self._inpbuf = self._inpbuf, b""
        packets = self._cutter.packets(received)
        for length, sealed in packets:
            packet = opener.open(sealed, length)
            if packet is None:
                raise asyncssh.MACError("MAC verification failed")
            if not (
                self._take(packet)
                or self._take_keepalive(packet)
                or self._take_slowly(opener, packet, length, sealed)
            ):
                packets.close()
                self._inpbuf = self._cutter.give_up()
                return self._is_at_packet()
        return False

    def _take(self, packet: bytes) -> bool:
        """Hand a plain packet to its channel; False if it is not plain."""
        padding, kind, number, count = _unpack_header(packet)
        slot: object = self._channels.get(number)
        octets = len(packet) - _HEADER_OCTETS - padding
        if type(slot) is not ChannelSlot or not padding:
            return False
        try:
            if kind == MSG_CHANNEL_DATA and octets == count:
                data = packet if octets < LARGE else memoryview(packet)
                slot.channel.data_arrived(data[_HEADER_OCTETS:-padding])
            elif kind == MSG_CHANNEL_WINDOW_ADJUST and octets == 0:
                slot.channel.window_adjusted(count)
            else:
                return False
        except RemoteProtocolError as error:
            raise asyncssh.ProtocolError(str(error)) from None
        self._recv_seq += 1
        return True

    def _take_keepalive(self, packet: bytes) -> bool:
        """Deal with a question or an answer that only proves a life; False if it is neither."""
        if not self.keepalive_arrived(packet[1 : -packet[0]]):
            return False
        self._recv_seq += 1
        return True

    def _take_slowly(
        self, opener: PacketCipher, packet: bytes, length: Buffer, sealed: Buffer
    ) -> bool:
        """Let asyncssh deal with one packet; False if it has more to do before the next one."""
        opener.opened = packet
        self._inpbuf = b"".join((length, sealed))
        # Nobody looks at a packet's number before; asyncssh names it where it knows no answer.
        self._recv_seq %= SEQUENCE_LIMIT
        super()._recv_data()
        return self._recv_encryption is opener and self._is_at_packet()

    def _is_at_packet(self) -> bool:
        return self._recv_handler == self._recv_pkthdr
