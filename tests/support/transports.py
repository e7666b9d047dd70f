"""Transports in memory: the code under test is at one end, the test at the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any, cast

from pgrok.reading import Lender
from support.feeding import feed
from support.manual_loop import ManualLoop

HIGH_WATER = 64 * 1024

Buffer = bytes | bytearray | memoryview


class MemoryTransport(asyncio.Transport):
    """One end of a connection, as strict as the strictest of real ones.

    As on uvloop, reading that is paused within `connection_made` begins all the same, writing
    after the end raises, and reading on after the end of file tells of it once more. Empty
    writes, which make the standard loop spin, fail.
    """

    def __init__(
        self,
        loop: ManualLoop,
        protocol: asyncio.Protocol,
        *,
        peername: object = ("127.0.0.1", 50_000),
        half_close: bool = True,
    ) -> None:
        super().__init__({"peername": peername})
        self._loop = loop
        self._protocol = protocol
        self._half_close = half_close
        self._incoming: deque[bytes] = deque()
        self._end_came = self._end_told = False
        self._reading = self._connected = self._closing = self._lost = False
        self._outgoing = bytearray()
        self._arrived = bytearray()
        self._taking = True
        self._writer_paused = False
        self._limits = (HIGH_WATER // 4, HIGH_WATER)
        self.ended = False
        """Whether the code has ended its direction."""
        self.aborted = False
        self.given_up = False

    # What the test does, at the other end

    def connect(self) -> None:
        """Let the connection stand."""
        self._connected = True
        self._protocol.connection_made(self)
        self._reading = not self._closing
        self._loop.run()

    def refuse(self, error: Exception | None = None) -> None:
        """Let the connection not come about."""
        self._lost = True
        self._protocol.connection_lost(error or ConnectionRefusedError())
        self._loop.run()

    def send(self, data: bytes) -> None:
        """Send bytes to the code under test; they wait while it does not read."""
        self._incoming.append(data)
        self._deliver()
        self._loop.run()

    def end(self) -> None:
        """End the direction to the code under test."""
        self._end_came = True
        self._loop.call_soon(self._deliver)
        self._loop.run()

    def reset(self, error: Exception | None = None) -> None:
        """Break the connection."""
        self._closing = True
        self._lose_soon(error or ConnectionResetError())
        self._loop.run()

    def take(self) -> bytes:
        """Return what has come since the last time."""
        taken = bytes(self._arrived)
        self._arrived.clear()
        return taken

    def stop_taking(self) -> None:
        """Let what is written queue up in the transport."""
        self._taking = False

    def go_on_taking(self) -> None:
        """Take what has queued up, and what comes."""
        self._taking = True
        self.take_some(len(self._outgoing))

    def take_some(self, octets: int) -> None:
        """Take so many octets of what has queued up."""
        self._arrived += self._outgoing[:octets]
        del self._outgoing[:octets]
        if self._writer_paused and len(self._outgoing) <= self._limits[0]:
            self._writer_paused = False
            self._protocol.resume_writing()
        if self._closing and not self._outgoing:
            self._lose_soon(None)
        self._loop.run()

    @property
    def unread(self) -> int:
        """Octets that were sent and not read yet."""
        return sum(map(len, self._incoming))

    @property
    def closed(self) -> bool:
        """Whether the code has closed the connection, and all that it wrote has gone out."""
        return self._lost

    @property
    def open(self) -> bool:
        """Whether the connection stands in both directions, as far as the code goes."""
        return self._connected and not (self._closing or self.ended)

    # asyncio.Transport

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return self._reading

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        if self._reading or self._closing:
            return
        self._reading = True
        self._end_told = False
        self._loop.call_soon(self._deliver)

    def write(self, data: Buffer) -> None:
        self.writelines([data])

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        pieces = list(list_of_data)
        assert pieces, "nothing is written"
        assert all(pieces), "an empty piece is written"
        self._check_writable()
        if self._closing:
            return
        for piece in pieces:
            (self._arrived if self._taking else self._outgoing).extend(piece)
        self._pause_writer_if_full()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high is not None
        self._limits = (high // 4 if low is None else low, high)
        self._pause_writer_if_full()

    def can_write_eof(self) -> bool:
        return self._half_close

    def write_eof(self) -> None:
        if not self._half_close:
            raise NotImplementedError
        if self._lost:
            raise RuntimeError("the handle is closed")
        self.ended = True

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._incoming.clear()
        if not self._outgoing:
            self._lose_soon(None)

    def abort(self) -> None:
        if self._lost:
            return
        self.aborted = True
        self._closing = True
        self._incoming.clear()
        self._outgoing.clear()
        if self._connected:
            self._lose_soon(None)
        else:
            self.given_up = True

    def get_write_buffer_size(self) -> int:
        return len(self._outgoing)

    # Inside

    def _pause_writer_if_full(self) -> None:
        if len(self._outgoing) > self._limits[1] and not self._writer_paused:
            self._writer_paused = True
            self._protocol.pause_writing()

    def _check_writable(self) -> None:
        if self.ended:
            raise RuntimeError("a write after write_eof")
        if self._lost:
            raise RuntimeError("the handle is closed")

    def _deliver(self) -> None:
        while self._reading and self._incoming and not self._closing:
            if rest := feed(self._protocol, self._incoming.popleft()):
                self._incoming.appendleft(rest)
        if self._end_came and not self._incoming and self._reading and not self._end_told:
            self._end_told = True
            self._reading = False
            if not self._protocol.eof_received() or not self._half_close:
                self.close()

    def _lose_soon(self, error: Exception | None) -> None:
        self._loop.call_soon(self._lose, error)

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._reading = False
            self._protocol.connection_lost(error)
            self._lost = True


class LendingTransport(MemoryTransport, Lender):
    """Lends room, as a channel does, which is somebody else's after it was written from."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._room = memoryview(bytearray(2 * HIGH_WATER))
        self.lent = 0
        """Octets that were written from there."""

    def lend(self, _sizehint: int = -1) -> memoryview:
        return self._room

    def write_lent(self, octets: int) -> None:
        self.lent += octets
        self.write(bytes(self._room[:octets]))
