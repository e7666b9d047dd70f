"""The way of packets out of a connection: channel data past asyncssh, and all writes joined.

One packet's way: `plain_packet` puts header and padding around the data, `_send_packet` has it
sealed and puts it to the others, and `_flush` writes all that one step of the loop has sent. What
asyncssh sends by itself comes to `_send`: everything leaves in the order in which it was sealed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from asyncssh.constants import MSG_CHANNEL_DATA, MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.packet import UInt32

from pgrok.transport.link import Buffer
from pgrok.transport.ssh.framing import padded, plain_packet
from pgrok.transport.ssh.gcm import PacketCipher, take_over
from pgrok.transport.ssh.rooms import rooms

if TYPE_CHECKING:
    from asyncssh.connection import SSHConnection as Base
else:
    Base = object

SMALL = 4 * 1024
"""Octets below which a packet is small: it is copied, to be written in one piece."""

FLUSH_AT = 16 * 1024
"""Octets with small packets among them that are written without waiting for more to join: each
write wakes the peer, who is cheaper to wake once for a hundred requests than for twenty."""

BULK_FLUSH_AT = 120 * 1024
"""Octets of larger ones: the fewer the writes, the less often the peer is woken for a part. The
largest are written one by one."""


class Outbound(Base):
    """Mixed into both of asyncssh's connection classes, before them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *args: Any, **kwargs: Any) -> None:
        super().__init__(loop, *args, **kwargs)
        self.loop = loop
        self.octets_sent = self.octets_received = 0
        self._sealer: PacketCipher | None = None
        """Seals past asyncssh; None while packets have to go through it."""
        self._unwritten: list[bytes] = []
        self._unwritten_octets = 0
        self._sending_ended = False

    # Part of `pgrok.transport.link.ChannelLink`

    def send_data(self, channel: int, data: Buffer) -> None:
        """Send CHANNEL_DATA (RFC 4254 5.2)."""
        octets = len(data)
        self.octets_sent += octets
        sealer = self._sealer
        if sealer is None:
            self.send_packet(MSG_CHANNEL_DATA, UInt32(channel), UInt32(octets), bytes(data))
        else:
            # A channel has asked before whether the socket takes data.
            self._send_packet(sealer, plain_packet(MSG_CHANNEL_DATA, channel, octets, data))

    @property
    def lent(self) -> memoryview:
        """Where data for `send_lent` is put: it is sealed there."""
        return rooms.lent.data

    def send_lent(self, channel: int, begin: int, octets: int) -> None:
        """Send so many of the octets that are lent room, in one CHANNEL_DATA."""
        sealer, room = self._sealer, rooms.lent
        if sealer is None:
            self.send_data(channel, bytes(room.data[begin : begin + octets]))
            return
        self.octets_sent += octets
        self._send_packet(sealer, room.frame(channel, begin, octets))
        room.unframe(begin + octets)

    def send_window_adjust(self, channel: int, octets: int) -> None:
        """Send CHANNEL_WINDOW_ADJUST (RFC 4254 5.2)."""
        sealer = self._sealer
        if sealer is None:
            self.send_packet(MSG_CHANNEL_WINDOW_ADJUST, UInt32(channel), UInt32(octets))
        else:
            self._send_beside(sealer, plain_packet(MSG_CHANNEL_WINDOW_ADJUST, channel, octets))
        # uvloop reads on within one step for as long as there is something to read: a grant at
        # the end of it lets the peer wait until we have run dry, and both work in turns.
        self._flush()

    def send_message(self, message: bytes) -> None:
        """Send a message that is whole, its number before it, as `send_packet` does, but faster."""
        sealer = self._sealer
        if sealer is None:
            self.send_packet(message[0], message[1:])
        else:
            self._send_beside(sealer, padded(message))

    def _send_beside(self, sealer: PacketCipher, packet: bytes) -> None:
        """Send a packet that is no data of a channel."""
        self._send_packet(sealer, packet)

    def _send_packet(self, sealer: PacketCipher, packet: bytes | memoryview) -> None:
        """Seal the next packet, to be written at the end of this step of the loop.

        All that one step sends leaves in one system call; uvloop writes at once what the socket
        takes, which made one of every packet.
        """
        unwritten, octets = self._unwritten, len(packet)
        if not unwritten:
            self.loop.call_soon(self._flush)
        length, sealed = sealer.seal(packet)
        if octets < SMALL:
            unwritten.append(length + sealed)
            flush_at = FLUSH_AT
        else:
            # What is large is not copied once more for the sake of four octets before it.
            unwritten += (length, sealed)
            flush_at = BULK_FLUSH_AT
        self._send_seq += 1  # asyncssh lets it begin anew with each packet of its own
        self._rekey_bytes_sent = sealed_octets = self._rekey_bytes_sent + octets
        if sealed_octets >= self._rekey_bytes:
            # asyncssh begins a key exchange when it is given the first packet after so many octets.
            self._sealer = None
        self._unwritten_octets = waiting = self._unwritten_octets + octets
        if waiting >= flush_at:
            self._flush()

    # Between asyncssh and the socket

    def send_newkeys(self, k: bytes, h: bytes) -> None:
        """Finish a key exchange on our side, and seal with the new key from now on."""
        super().send_newkeys(k, h)
        cipher = self._send_encryption = take_over(self._send_encryption)
        # Compression and keys that age by the clock, neither of which we ask for, are asyncssh's.
        plain = not (self._compressor or self._rekey_seconds)
        if isinstance(cipher, PacketCipher) and plain and self._kex_complete:
            self._sealer = cipher

    def end_sending(self) -> None:
        """Write what was sent, then the end of our direction; nothing is sent after it."""
        self._flush()
        self._sending_ended = True
        if self._transport is not None:
            self._transport.write_eof()

    def _send_kexinit(self) -> None:
        self._sealer = None
        super()._send_kexinit()

    def _send(self, data: bytes) -> None:
        """Write what asyncssh has sealed, after what was sent before it."""
        octets = len(data)
        if not self._unwritten:
            self.loop.call_soon(self._flush)
        self._unwritten.append(data)
        self._unwritten_octets += octets
        if self._unwritten_octets >= (FLUSH_AT if octets < SMALL else BULK_FLUSH_AT):
            self._flush()

    def _flush(self) -> None:
        pieces, self._unwritten = self._unwritten, []
        self._unwritten_octets = 0
        transport = self._transport
        if pieces and transport and not (self._sending_ended or transport.is_closing()):
            try:
                transport.writelines(pieces)
            except RuntimeError:
                # uvloop closes a socket whose connecting was cancelled, and tells nobody.
                super()._force_close(None)

    def _force_close(self, exc: Exception | None) -> None:
        self._flush()  # the last words are on their way
        super()._force_close(exc)
