"""What packets look like: those of channel data inside, and all of them on the wire.

Lengths and blocks are those of AES-GCM (RFC 5647 7.2).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Generator

import asyncssh

from pgrok.transport.link import Buffer
from pgrok.transport.ssh.gcm import BLOCK, LENGTH, TAG

HEADER = struct.Struct(">BBII")
"""Padding length (RFC 4253 6), message number, channel, and a number: of CHANNEL_DATA the length
of the data that follows, of CHANNEL_WINDOW_ADJUST the octets (RFC 4254 5.2)."""

_HEADER_OCTETS, _pack_header = HEADER.size, HEADER.pack

SEQUENCE_LIMIT = 2**32
"""Packets after which their numbers begin anew (RFC 4253 6.4)."""

_MIN_PADDING = 4


def _fresh_padding(octets: int) -> bytes:
    length = BLOCK - octets
    return os.urandom(length if length >= _MIN_PADDING else length + BLOCK)


_PADDINGS = [_fresh_padding(octets) for octets in range(BLOCK)]

_SMALLEST = 12
"""Octets of the shortest packet that asyncssh opens."""

_VIEWED_FROM = 16 * 1024
"""Octets received at once from which on packets are views of them: of less it is cheaper to copy a
packet than to make views of its parts."""

_unpack_length = struct.Struct(">I").unpack_from


def padding_after(octets: int) -> bytes:
    """Return what fills the last block of a packet that has so many octets without it.

    It is random, as RFC 4253 6 wants it; under an authenticated cipher it need not be fresh.
    """
    return _PADDINGS[octets % BLOCK]


def plain_packet(kind: int, channel: int, number: int, data: Buffer = b"") -> bytes:
    """Return a packet of a channel's data, or of its window, ready to be sealed."""
    padding = _PADDINGS[(_HEADER_OCTETS + len(data)) % BLOCK]
    return b"".join((_pack_header(len(padding), kind, channel, number), data, padding))


def sealed_octets(data: int) -> int:
    """Return how many octets a packet with so much of a channel's data has on the wire."""
    unpadded = _HEADER_OCTETS + data
    return LENGTH + unpadded + len(padding_after(unpadded)) + TAG


def padded(message: bytes) -> bytes:
    """Return the packet of a message that is whole (RFC 4253 6), ready to be sealed."""
    padding = _PADDINGS[(1 + len(message)) % BLOCK]
    return b"".join((bytes([len(padding)]), message, padding))


class Cutter:
    """Cuts what was received into packets: the length of each, and what is sealed, with its tag.

    Nothing large is copied but a packet that the socket has cut, and that one only once.
    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._begun = bytearray()

    def packets(self, received: Buffer) -> Generator[tuple[Buffer, Buffer]]:
        """Yield every packet that is whole now; what follows the last one taken is kept.

        Who closes this before its end has the rest kept as it came: it may be of another cipher,
        which has its lengths elsewhere. Raises `asyncssh.DisconnectError`, as asyncssh does, for
        a length that cannot be.
        """
        small = type(received) is bytes and len(received) < _VIEWED_FROM
        view: Buffer = received if small else memoryview(received)
        begin = 0
        try:
            if self._begun:
                view = self._complete(view)
                if self._begun_end() > len(self._begun):
                    return
                packet, self._begun = memoryview(self._begun), bytearray()
                yield packet[:LENGTH], packet[LENGTH:]
            octets, largest = len(view), self._largest
            while (sealed := begin + LENGTH) <= octets:
                length: int = _unpack_length(view, begin)[0]
                if not _SMALLEST <= length <= largest:
                    raise _impossible(length)
                end = sealed + length + TAG
                if end > octets:
                    return
                start, begin = begin, end
                yield view[start:sealed], view[sealed:end]
        finally:
            self._begun += view[begin:]

    def give_up(self) -> bytes:
        """Return what was kept, for somebody else to go on with."""
        begun, self._begun = self._begun, bytearray()
        return bytes(begun)

    def _complete(self, view: Buffer) -> Buffer:
        """Move to the packet that was cut what it lacks; return what follows it."""
        begun = self._begun
        while view and (lacking := self._begun_end() - len(begun)) > 0:
            begun += view[:lacking]
            view = view[lacking:]
        return view

    def _begun_end(self) -> int:
        """Return where the packet that was cut ends, or its length while that is cut itself."""
        begun = self._begun
        if len(begun) < LENGTH:
            return LENGTH
        length: int = _unpack_length(begun)[0]
        if not _SMALLEST <= length <= self._largest:
            raise _impossible(length)
        return LENGTH + length + TAG


def _impossible(length: int) -> asyncssh.DisconnectError:
    """Return what asyncssh says of such a length."""
    if length < _SMALLEST:
        return asyncssh.MACError("MAC verification failed")
    return asyncssh.ProtocolError("Max packet size exceeded")
