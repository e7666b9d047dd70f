"""How bulk is read from a socket: to a place that was there before, not into an object a read."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

LARGE_READ = 64 * 1024
"""Octets read at once from which on a socket is read in place: asyncio would make an object of each
read, and copy it there. Where reads are small, that costs less than a second call."""


class Reader(Protocol):
    """The protocol of a socket, but for what is read from it."""

    def pause_writing(self) -> None:
        """The socket takes no more."""

    def resume_writing(self) -> None:
        """The socket takes data again."""

    def eof_received(self) -> bool | None:
        """The peer sends no more; whether the socket stays open."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""


class DataReader(Reader, Protocol):
    """An ordinary protocol of a socket or a channel."""

    def data_received(self, data: bytes) -> None:
        """Take what was read."""


class Lender(ABC):
    """A transport that lends room to read what is to be written to it."""

    __slots__ = ()

    @abstractmethod
    def lend(self, _sizehint: int = -1) -> memoryview:
        """Return room for data that `write_lent` is told of, before anybody else is lent any."""

    @abstractmethod
    def write_lent(self, octets: int) -> None:
        """Write what was put at the beginning of that room."""


class _ReadFor(asyncio.BaseProtocol):
    """Has all but what is read told to a reader."""

    def __init__(self, reader: Reader) -> None:
        self.pause_writing = reader.pause_writing  # type: ignore[method-assign]
        self.resume_writing = reader.resume_writing  # type: ignore[method-assign]
        self.eof_received = reader.eof_received
        self.connection_lost = reader.connection_lost  # type: ignore[method-assign]


class ReadInPlace(_ReadFor, asyncio.BufferedProtocol):
    """Has a socket read to where `room` says, and `take` told how much that was.

    It is taken before anything else is read there.
    """

    def __init__(
        self, reader: Reader, room: Callable[[int], memoryview], take: Callable[[int], None]
    ) -> None:
        super().__init__(reader)
        self.get_buffer = room  # type: ignore[method-assign, assignment]
        self.buffer_updated = take  # type: ignore[method-assign, assignment]


class ReadElsewhere(_ReadFor, asyncio.Protocol):
    """Has what is read given to `take`."""

    def __init__(self, reader: Reader, take: Callable[[bytes], None]) -> None:
        super().__init__(reader)
        self.data_received = take  # type: ignore[method-assign, assignment]
