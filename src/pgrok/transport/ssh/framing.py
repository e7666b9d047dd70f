"""What packets look like: those of channel data inside, and all of them on the wire.

Lengths and blocks are those of AES-GCM (RFC 5647 7.2).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

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

_AROUND = LENGTH + TAG

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
    """Cuts what was received into packets, each with its length before it and its tag behind.

    Nothing is copied but a packet that the socket has cut, and that one only once.
    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._begun = bytearray()

    def packets(self, received: bytes) -> Iterator[memoryview]:
        """Yield every packet that is whole now; what follows the last one is kept.

        Raises `asyncssh.DisconnectError`, as asyncssh does, for a length that cannot be.
        """
        view = memoryview(received)
        if self._begun:
            view = self._complete(view)
            if self._end(self._begun, 0) > len(self._begun):
                return
            packet, self._begun = self._begun, bytearray()
            yield memoryview(packet)
        begin, octets = 0, len(view)
        while octets - begin >= LENGTH:
            end = self._end(view, begin)
            if end > octets:
                break
            yield view[begin:end]
            begin = end
        if begin < octets:
            self._begun += view[begin:]

    def give_up(self) -> bytes:
        """Return the packet that is not whole, for somebody else to go on with."""
        begun, self._begun = self._begun, bytearray()
        return bytes(begun)

    def _complete(self, view: memoryview) -> memoryview:
        """Move to the packet that was cut what it lacks; return what follows it."""
        begun = self._begun
        while view and (lacking := self._end(begun, 0) - len(begun)) > 0:
            begun += view[:lacking]
            view = view[lacking:]
        return view

    def _end(self, octets: Buffer, begin: int) -> int:
        """Return where a packet ends, or its length as long as that is not whole itself."""
        if len(octets) - begin < LENGTH:
            return begin + LENGTH
        length: int = _unpack_length(octets, begin)[0]
        if _SMALLEST <= length <= self._largest:
            return begin + length + _AROUND
        if length > self._largest:
            raise asyncssh.ProtocolError("Max packet size exceeded")
        raise asyncssh.MACError("MAC verification failed")
