"""A bad network: a relay of TCP on loopback that delays, throttles, stalls, resets and cuts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from types import TracebackType
from typing import Self

from support.ports import LOOPBACK
from support.processes import until

READ = 64 * 1024
MAX_READS = 64
"""Reads that are under way in one direction of a connection: 4 MiB, so 20 MB/s at 200 ms."""

SLICES_PER_SECOND = 50
"""How evenly a throttled direction flows."""


@dataclass(frozen=True)
class Faults:
    """What happens to the octets of one direction; the defaults are a good network.

    Each is `delay` seconds late, and `rate` of them pass in a second. Of every connection
    `hold_after` octets pass, and the others wait until that is changed: 0 stalls all, those that
    have passed more already too. After `cut_after` octets a connection is reset at both ends,
    or, with `softly`, closed as if each end had wanted it.
    """

    delay: float = 0.0
    rate: float = inf
    hold_after: float = inf
    cut_after: float = inf
    softly: bool = False


STALLED = Faults(hold_after=0)
NONE = Faults()


class FaultRelay:
    """Relays whoever connects to `port` to the port `target`, in a thread of its own.

    `up` is the direction from who connects, `down` the other. All methods are for other threads
    than its own, and may be called at any time; they have had their effect when they return.
    """

    port: int

    def __init__(self, target: int) -> None:
        self._target = target
        self._up, self._down = NONE, NONE
        self._accepting = True
        self._connections: list[_Connection] = []
        self._accepted = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fault relay", daemon=True)
        self._started = threading.Event()

    # What a test does

    def set(self, *, up: Faults = NONE, down: Faults = NONE) -> None:
        """Have these faults from now on, in connections that there are too."""
        self._up, self._down = up, down
        self._call(self._apply)

    def heal(self) -> None:
        """Have no faults any more; what was held passes, what was cut stays cut."""
        self._accepting = True
        self.set()

    def refuse(self) -> None:
        """Reset whoever connects from now on, at once."""
        self._accepting = False

    def reset(self) -> None:
        """Reset every connection at both ends."""
        self._call(partial(self._end_all, softly=False))

    def close(self) -> None:
        """Close every connection at both ends, as if they had wanted it."""
        self._call(partial(self._end_all, softly=True))

    # What a test sees

    @property
    def accepted(self) -> int:
        """How many connections there were."""
        return self._accepted

    @property
    def live(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    def reads(self, way: str) -> list[int]:
        """How many octets came at a time in the newest connection, `way` being up or down.

        What a peer sends and then waits for an answer to comes at a time.
        """
        return list(getattr(self._connections[-1], way).reads)

    def wait_held(self, way: str) -> None:
        """Wait until octets of the newest connection are held in that direction."""
        until(lambda: self._is_held(way), f"octets are held on their way {way}")

    def _is_held(self, way: str) -> bool:
        return bool(self._connections) and getattr(self._connections[-1], way).held

    # The thread

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.reset()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            server = runner.run(asyncio.start_server(self._relay, LOOPBACK, 0, backlog=1024))
            self.port = server.sockets[0].getsockname()[1]
            self._started.set()
            self._loop.run_forever()
            server.close()

    def _call(self, function: Callable[[], None]) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(function)
        self._loop.call_soon_threadsafe(done.set)
        done.wait()

    def _end_all(self, *, softly: bool) -> None:
        for connection in self._connections:
            connection.end(softly=softly)

    def _apply(self) -> None:
        for connection in self._connections:
            connection.up.suffer(self._up)
            connection.down.suffer(self._down)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted += 1
        near = _End(reader, writer)
        if not self._accepting:
            near.end(softly=False)
            return
        try:
            far = _End(*await asyncio.open_connection(LOOPBACK, self._target))
        except OSError:
            near.end(softly=False)
            return
        connection = _Connection(near, far)
        self._connections.append(connection)
        self._apply()
        with contextlib.suppress(asyncio.CancelledError):  # that is how it is ended
            await connection.carry()
        self._connections.remove(connection)


@dataclass(frozen=True)
class _End:
    """One socket of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def end(self, *, softly: bool) -> None:
        if softly:
            self.writer.close()
            return
        at_once = struct.pack("ii", 1, 0)
        with contextlib.suppress(OSError):
            tcp = self.writer.get_extra_info("socket")
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.writer.transport.abort()


class _Connection:
    """Two ways between two ends."""

    def __init__(self, near: _End, far: _End) -> None:
        self._ends = near, far
        self.up, self.down = _Way(near.reader, far.writer), _Way(far.reader, near.writer)
        self._task = asyncio.current_task()

    async def carry(self) -> None:
        """Return when both ends are closed; a reset of one is one of the other."""
        softly = False
        try:
            async with asyncio.TaskGroup() as group:
                for way in (self.up, self.down):
                    group.create_task(way.take())
                    group.create_task(way.give())
            softly = True
        except* _Cut as cuts:
            softly = any(cut.softly for cut in cuts.exceptions if isinstance(cut, _Cut))
        except* OSError:
            pass
        self._close(softly=softly)

    def end(self, *, softly: bool) -> None:
        """Close both ends whatever is under way."""
        self._close(softly=softly)
        if self._task is not None:
            self._task.cancel()

    def _close(self, *, softly: bool) -> None:
        for end in self._ends:
            end.end(softly=softly)


class _Cut(Exception):
    """As many octets have passed as may."""

    def __init__(self, *, softly: bool) -> None:
        super().__init__()
        self.softly = softly


class _Way:
    """One direction of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._time = asyncio.get_running_loop().time
        self._under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(MAX_READS)
        self._faults = NONE
        self._changed = asyncio.Event()
        self._passed = 0
        self.held = False
        self.reads: list[int] = []

    def suffer(self, faults: Faults) -> None:
        """Have other faults from now on."""
        self._faults = faults
        self._changed.set()

    async def take(self) -> None:
        """Take in what comes, until the end of the file."""
        data = b"-"
        while data:
            data = await self._reader.read(READ)
            self.reads.append(len(data))
            await self._under_way.put((self._time() + self._faults.delay, data))

    async def give(self) -> None:
        """Let out what has been under way for long enough."""
        while True:
            due, data = await self._under_way.get()
            await asyncio.sleep(max(due - self._time(), 0))
            await self._not_held()
            if not data:
                self._writer.write_eof()
                return
            await self._pass(data)

    async def _pass(self, data: bytes) -> None:
        while data:
            await self._not_held()
            faults, passed = self._faults, self._passed
            limits = (faults.hold_after - passed, faults.cut_after - passed)
            count = int(min(len(data), *limits, max(faults.rate / SLICES_PER_SECOND, 1)))
            piece, data = data[: max(count, 0)], data[max(count, 0) :]
            self._writer.write(piece)
            await self._writer.drain()
            self._passed += len(piece)
            if self._passed >= faults.cut_after:
                raise _Cut(softly=faults.softly)
            await asyncio.sleep(len(piece) / faults.rate)

    async def _not_held(self) -> None:
        while self._passed >= self._faults.hold_after:
            self.held = True
            self._changed.clear()
            await self._changed.wait()
        self.held = False
