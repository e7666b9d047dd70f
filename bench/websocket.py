"""WebSocket load: every connection sends a frame, waits for its echo, and sends the next."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass
from functools import partial
from typing import cast

import uvloop

from bench.echo import BINARY, unmasked
from bench.errors import BenchError
from bench.network import LOOPBACK, Endpoint

PAYLOAD_OCTETS = 64
MASKED = 0x80
KEY = b"cGdyb2sgYmVuY2ggc2F5cw=="
MASK_KEY = b"mask"


@dataclass(frozen=True, slots=True)
class Echoes:
    """What came of one run: echoes a second, and latency in milliseconds."""

    rate: float
    p99: float


def load(endpoint: Endpoint, connections: int, seconds: float) -> Echoes:
    """Exchange frames for `seconds`; raise `BenchError` if an echo is not what was sent."""
    return uvloop.run(_load(endpoint, connections, seconds))


async def _load(endpoint: Endpoint, connections: int, seconds: float) -> Echoes:
    loop = asyncio.get_running_loop()
    visitors = [Visitor(endpoint.host) for _ in range(connections)]
    for visitor in visitors:
        await loop.create_connection(partial(_same, visitor), LOOPBACK, endpoint.port)
    try:
        async with asyncio.timeout(seconds + 30):
            await asyncio.gather(*(visitor.upgraded for visitor in visitors))
            ends = time.perf_counter() + seconds
            for visitor in visitors:
                visitor.begin(ends)
            await asyncio.gather(*(visitor.ended for visitor in visitors))
    except TimeoutError:
        raise BenchError("WebSocket: echoes are missing") from None
    finally:
        for visitor in visitors:
            visitor.close()
    latencies = [latency for visitor in visitors for latency in visitor.latencies]
    return Echoes(len(latencies) / seconds, statistics.quantiles(latencies, n=100)[98] * 1e3)


class Visitor(asyncio.Protocol):
    """One connection."""

    _transport: asyncio.Transport

    def __init__(self, host: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._host = host
        self._received = bytearray()
        self._sent = b""
        self._sent_at = self._ends = 0.0
        self.latencies: list[float] = []
        self.upgraded: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade (RFC 6455 4.1)."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(
            b"GET /echo HTTP/1.1\r\nHost: " + self._host.encode() + b"\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: " + KEY + b"\r\n\r\n"
        )

    def begin(self, ends: float) -> None:
        """Exchange frames until the performance counter says `ends`."""
        self._ends = ends
        self._send()

    def data_received(self, data: bytes) -> None:
        """Take the answer to the request, then echoes."""
        self._received += data
        if self.upgraded.done():
            if len(self._received) >= 2 + PAYLOAD_OCTETS:
                self._take_echo()
        elif b"\r\n\r\n" in self._received:
            if b" 101 " not in self._received[:16]:
                self._fail("no upgrade")
            else:
                self._received.clear()
                self.upgraded.set_result(None)

    def connection_lost(self, _error: Exception | None) -> None:
        """Nothing ends before we end it."""
        self._fail("the connection was closed")

    def close(self) -> None:
        """End it."""
        self._fail("ended")
        self._transport.close()

    def _send(self) -> None:
        self._sent = len(self.latencies).to_bytes(PAYLOAD_OCTETS, "big")
        head = bytes((BINARY, MASKED | PAYLOAD_OCTETS))
        self._sent_at = time.perf_counter()
        self._transport.write(head + MASK_KEY + unmasked(MASK_KEY, self._sent))

    def _take_echo(self) -> None:
        now = time.perf_counter()
        if self._received != bytes((BINARY, PAYLOAD_OCTETS)) + self._sent:
            self._fail("an echo is not what was sent")
            return
        self._received.clear()
        if now > self._ends:
            self.ended.set_result(None)
            return
        self.latencies.append(now - self._sent_at)
        self._send()

    def _fail(self, reason: str) -> None:
        for future in (self.upgraded, self.ended):
            if not future.done():
                future.set_exception(BenchError(f"WebSocket: {reason}"))
                future.exception()  # whoever waits gets it; nobody has to


def _same(visitor: Visitor) -> Visitor:
    return visitor
