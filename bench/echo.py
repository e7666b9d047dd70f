"""A WebSocket server that sends every small frame back: `python -m bench.echo PORT`."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import uvloop

from bench.network import LOOPBACK, free_port
from bench.processes import Process
from bench.workplace import Workplace

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BINARY = 0x82
MASK = 4


@contextmanager
def echoing(place: Workplace) -> Iterator[int]:
    """Run the server and give its port."""
    port = free_port()
    with Process(place.log("echo"), sys.executable, "-m", "bench.echo", str(port)) as process:
        process.wait_for("ready")
        yield port


class Echo(asyncio.Protocol):
    """One connection; frames have at most 125 octets (RFC 6455 5.2)."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = bytearray()
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the way back."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer the request, then every frame."""
        self._received += data
        if not self._upgraded:
            self._answer_request()
        if self._upgraded and (answers := b"".join(self._frames())):
            self._transport.write(answers)

    def _answer_request(self) -> None:
        head, end, rest = bytes(self._received).partition(b"\r\n\r\n")
        if not end:
            return
        self._received = bytearray(rest)
        key = re.search(rb"^sec-websocket-key:\s*(\S+)", head, re.IGNORECASE | re.MULTILINE)
        if key is None:
            self._transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        accept = base64.b64encode(hashlib.sha1(key[1] + GUID, usedforsecurity=False).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self._upgraded = True

    def _frames(self) -> Iterator[bytes]:
        received = self._received
        while len(received) >= 2 + MASK:
            size = received[1] & 0x7F
            if len(received) < 2 + MASK + size:
                return
            body = bytes(received[2 : 2 + MASK + size])
            yield bytes((BINARY, size)) + unmasked(body[:MASK], body[MASK:])
            del received[: 2 + MASK + size]


def unmasked(mask: bytes, payload: bytes) -> bytes:
    """Return the payload without its mask, or with it (RFC 6455 5.3)."""
    repeated = (mask * (len(payload) // MASK + 1))[: len(payload)]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return number.to_bytes(len(payload), "big")


async def serve(port: int) -> None:
    """Listen for ever."""
    server = await asyncio.get_running_loop().create_server(Echo, LOOPBACK, port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
