"""What one channel holds in each direction while it cannot go on."""

from __future__ import annotations

import sys
from collections import deque

from pgrok.transport.link import Buffer

HIGH_WATER = 128 * 1024
"""Octets queued for sending at which the writer is asked to pause: a large packet has room."""

PIECE = 32 * 1024
"""Octets up to which unread data is put together: a peer may send single octets."""

LARGE = 4 * 1024
"""Octets of received data that are passed on, and kept, as part of their packet: from here on a
copy costs more than the place of what is around them."""


class Outbox:
    """Octets that wait to be sent, for room in the peer's window or in the connection."""

    __slots__ = ("_pieces", "limits", "max_packet", "size", "window")

    def __init__(self) -> None:
        self.window = 0
        self.max_packet = 0
        self.size = 0
        self.limits = (HIGH_WATER // 4, HIGH_WATER)
        self._pieces: deque[memoryview] = deque()

    def __bool__(self) -> bool:
        return bool(self._pieces)

    @property
    def room(self) -> int:
        """Octets that the next packet may have; 0 while the window is used up."""
        return min(self.window, self.max_packet)

    def put(self, data: Buffer) -> None:
        """Add what will not change to the end."""
        self._pieces.append(memoryview(data))
        self.size += len(data)

    def take(self, at_most: int = sys.maxsize) -> memoryview | None:
        """Return what may be sent in one packet now, or None while the window is used up."""
        first = self._pieces[0]
        room = min(self.room, at_most)
        if room == 0:
            return None
        if len(first) > room:
            self._pieces[0] = first[room:]
            first = first[:room]
        else:
            self._pieces.popleft()
        self.window -= len(first)
        self.size -= len(first)
        return first

    def clear(self) -> None:
        """Drop everything."""
        self._pieces.clear()
        self.size = 0

    def set_limits(self, high: int | None, low: int | None) -> None:
        """Set the octets at which the writer pauses and goes on, as asyncio's transports do."""
        if high is None:
            high = HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high}) must be at least low ({low}), and low at least 0")
        self.limits = (low, high)

    @property
    def is_full(self) -> bool:
        """Whether the writer should pause."""
        return self.size > self.limits[1]

    @property
    def is_drained(self) -> bool:
        """Whether a writer that paused should go on."""
        return self.size <= self.limits[0]


class Inbox:
    """Octets that arrived while nobody reads. The window bounds them; this bounds the pieces."""

    __slots__ = ("pieces",)

    def __init__(self) -> None:
        self.pieces: deque[bytearray | bytes | memoryview] = deque()

    def __bool__(self) -> bool:
        return bool(self.pieces)

    def put(self, data: bytes | memoryview) -> None:
        """Add what will not change to the end."""
        last = self.pieces[-1] if self.pieces else None
        if len(data) >= LARGE:
            self.pieces.append(data)
        elif isinstance(last, bytearray) and len(last) + len(data) <= PIECE:
            last += data
        else:
            self.pieces.append(bytearray(data))

    def take(self) -> bytes | memoryview:
        """Return the first piece."""
        piece = self.pieces.popleft()
        return bytes(piece) if isinstance(piece, bytearray) else piece

    def clear(self) -> int:
        """Drop everything; return how many octets that was."""
        octets = sum(map(len, self.pieces))
        self.pieces.clear()
        return octets
