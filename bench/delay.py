"""A relay that makes both directions late and nothing else: `python -m bench.delay PORT TARGET MS`.

It stands in for a far server. Bandwidth is not limited and nothing is lost; what it holds is
bounded by the windows of those who speak through it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import cast

import uvloop

from bench.network import LOOPBACK, free_port
from bench.processes import Process
from bench.workplace import Workplace

ONE_WAY_MS = 50

Link = Callable[[Workplace, int], AbstractContextManager[int]]
"""How clients reach a server's port: gives the port that they are to use instead."""


@contextmanager
def far(place: Workplace, port: int) -> Iterator[int]:
    """Give the port on which clients reach `port` with a round trip of twice `ONE_WAY_MS`."""
    listening = free_port()
    command = (sys.executable, "-m", "bench.delay", listening, port, ONE_WAY_MS)
    with Process(place.log("delay"), *map(str, command)) as relay:
        relay.wait_for("ready")
        yield listening


@contextmanager
def near(_place: Workplace, port: int) -> Iterator[int]:
    """Give the port itself."""
    yield port


Connected = tuple[asyncio.Transport, asyncio.Protocol]


class Late(asyncio.Protocol):
    """Passes what it receives on to `peer`, `seconds` later."""

    peer: Late
    transport: asyncio.Transport

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._held: deque[tuple[float, bytes]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the way out."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Hold it."""
        self._hold(data)

    def eof_received(self) -> bool:
        """Hold the end too: an empty piece."""
        self._hold(b"")
        return True

    def connection_lost(self, _error: Exception | None) -> None:
        """Let the other side go when it has everything."""
        self._loop.call_later(2 * self._seconds, self.peer.transport.close)

    def _hold(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_later(self._seconds, self._pass_on)
        self._held.append((self._loop.time() + self._seconds, data))

    def _pass_on(self) -> None:
        now = self._loop.time()
        out = self.peer.transport
        while self._held and self._held[0][0] <= now:
            data = self._held.popleft()[1]
            if out.is_closing():
                continue
            if data:
                out.write(data)
            else:
                out.write_eof()
        if self._held:
            # The loop counts in milliseconds: a timer that is a little early asks again.
            self._loop.call_later(max(self._held[0][0] - now, 0.001), self._pass_on)


async def relay(port: int, target: int, seconds: float) -> None:
    """Listen on `port` and connect to `target` for every connection, for ever."""
    loop = asyncio.get_running_loop()
    connecting: set[asyncio.Task[Connected]] = set()

    def accept() -> Late:
        near_side, far_side = Late(seconds), Late(seconds)
        near_side.peer, far_side.peer = far_side, near_side
        task = loop.create_task(loop.create_connection(lambda: far_side, LOOPBACK, target))
        connecting.add(task)
        task.add_done_callback(lambda done: connected(done, near_side))
        return near_side

    def connected(task: asyncio.Task[Connected], near_side: Late) -> None:
        connecting.discard(task)
        if task.exception() is not None:
            near_side.transport.abort()

    server = await loop.create_server(accept, LOOPBACK, port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    listening, reached, late = map(int, sys.argv[1:])
    uvloop.run(relay(listening, reached, late / 1000))
