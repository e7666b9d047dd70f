"""The application behind the tunnels: what the other tests have, and answers that take time."""

from __future__ import annotations

import asyncio
import json
from functools import partial

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.utils import accept_key

from support import origin_http
from support.origin import echo
from support.origin_http import Exchange
from support.payload import blocks
from support.ports import LOOPBACK

STEPS = 8
"""In so many pieces a slow answer comes."""


async def slow(exchange: Exchange) -> None:
    """`/slow?n=LENGTH&seed=SEED&seconds=SECONDS`: bytes of support.payload that take their time."""
    length, pause = int(exchange.query("n")), float(exchange.query("seconds")) / STEPS
    body = b"".join(blocks(length, int(exchange.query("seed"))))
    await asyncio.sleep(pause)
    await exchange.start(200, [("Content-Length", str(length))])
    size = max(1, length // (STEPS - 1))
    for start in range(0, length, size):
        await exchange.send(body[start : start + size])
        await asyncio.sleep(pause)


async def ticks(exchange: Exchange) -> None:
    """`/ticks?seed=SEED&seconds=SECONDS`: server-sent events, numbered and signed."""
    pause = float(exchange.query("seconds")) / STEPS
    fields = [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")]
    await exchange.start(200, fields)
    for number in range(STEPS):
        await exchange.chunk(event(number, int(exchange.query("seed"))))
        await asyncio.sleep(pause)
    await exchange.send(b"0\r\n\r\n")


def event(number: int, seed: int) -> bytes:
    """Return an event of `/ticks`."""
    return b"id: %d\ndata: %d\n\n" % (number, seed)


async def websocket(exchange: Exchange) -> None:
    """`/websocket`: every binary message comes back."""
    accept = accept_key(exchange.field("sec-websocket-key") or "")
    upgrade = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
    await exchange.start(101, [*upgrade, ("Sec-WebSocket-Accept", accept)])
    exchange.keep_alive = False
    protocol = ServerProtocol(state=State.OPEN, max_size=None)
    while data := await exchange.receive():
        protocol.receive_data(data)
        for frame in protocol.events_received():
            if isinstance(frame, Frame) and frame.opcode is Opcode.BINARY:
                protocol.send_binary(frame.data)
        for answer in protocol.data_to_send():
            if not answer:  # both sides have said goodbye
                return
            await exchange.send(answer)


ROUTES = {**origin_http.ROUTES, "/slow": slow, "/ticks": ticks, "/websocket": websocket}


async def _main() -> None:
    http = partial(origin_http.serve, routes=ROUTES)
    servers = {
        "http": await asyncio.start_server(http, LOOPBACK, 0),
        "echo": await asyncio.start_server(echo, LOOPBACK, 0),
    }
    ports = {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
