"""Where bulk is read to: from sockets of SSH, and from others that it goes on from in packets.

Each room is for all connections of a loop, one read after the other: what is in it is over, or
copied, before anything else is read.
"""

from __future__ import annotations

import threading

from asyncssh.constants import MSG_CHANNEL_DATA

from pgrok.transport.ssh.framing import HEADER, padding_after, sealed_octets
from pgrok.transport.ssh.gcm import BLOCK
from pgrok.transport.window import MAX_PACKET

SSH_READ = 2 * sealed_octets(MAX_PACKET)
"""Octets that an SSH socket is asked for at once: large packets are not cut by its reads."""

LENT = 2 * MAX_PACKET
"""Octets that any other socket is asked for at once: two packets."""


class PacketRoom:
    """Room for data, with room around it for what makes a packet of any part of it."""

    def __init__(self) -> None:
        self._octets = memoryview(bytearray(HEADER.size + LENT + 2 * BLOCK))
        self.data = self._octets[HEADER.size : HEADER.size + LENT]
        self._displaced = b""

    def frame(self, channel: int, begin: int, octets: int) -> memoryview:
        """Return a packet with these octets of the data; what was before `begin` is lost.

        What its padding displaces is there again after `unframe`.
        """
        room, end = self._octets, HEADER.size + begin + octets
        padding = padding_after(HEADER.size + octets)
        behind = end + len(padding)
        self._displaced = bytes(room[end:behind])
        HEADER.pack_into(room, begin, len(padding), MSG_CHANNEL_DATA, channel, octets)
        room[end:behind] = padding
        return room[begin:behind]

    def unframe(self, end: int) -> None:
        """Have the data whole again behind the packet that ended there."""
        self.data[end : end + len(self._displaced)] = self._displaced[: LENT - end]


class _Rooms(threading.local):
    """A loop has a thread of its own."""

    def __init__(self) -> None:
        self.ssh_read = memoryview(bytearray(SSH_READ))
        self.lent = PacketRoom()


rooms = _Rooms()
