"""Where the packets of one direction begin and end, under AES-GCM (RFC 5647 7.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import asyncssh

from pgrok.transport.link import Buffer
from pgrok.transport.ssh.gcm import LENGTH, TAG

_SMALLEST = 12
"""Octets of the shortest packet that asyncssh opens."""

_unpack_length = struct.Struct(">I").unpack_from


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
        begin = 0
        while (end := self._end(view, begin)) <= len(view):
            yield view[begin:end]
            begin = end
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
        (length,) = _unpack_length(octets, begin)
        if length > self._largest:
            raise asyncssh.ProtocolError("Max packet size exceeded")
        if length < _SMALLEST:
            raise asyncssh.MACError("MAC verification failed")
        return begin + LENGTH + int(length) + TAG
