"""What visitors do that is no request: WebSockets, and raw TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidMessage, InvalidStatus

from soak.ends import Left, Unanswered, Wrong, before_an_answer
from soak.http import refusal
from soak.requests import check, expect, size
from support.payload import payload
from support.ports import LOOPBACK

MESSAGES = 6
MAX_PAUSE = 0.5
"""Seconds between two messages of a WebSocket, at most."""


async def websocket(host: str, port: int, chance: Random) -> int:
    """Say some things and hear them again."""
    octets = 0
    async with await _shake_hands(f"ws://{host}/websocket", port) as talk:
        for _ in range(chance.randint(1, MESSAGES)):
            said = payload(size(chance), chance.getrandbits(32))
            await talk.send(said)
            if await talk.recv() != said:
                raise Wrong(f"a message of {len(said)} octets came back as another")
            octets += 2 * len(said)
            await asyncio.sleep(chance.uniform(0, MAX_PAUSE))
    return octets


async def _shake_hands(address: str, port: int) -> ClientConnection:
    try:
        with before_an_answer():
            return await connect(
                address, host=LOOPBACK, port=port, max_size=None, proxy=None, open_timeout=None
            )
    except InvalidStatus as error:
        answer = error.response
        code = answer.headers.get("X-Pgrok-Error", "")
        raise refusal(answer.status_code, code) from None
    except InvalidMessage as error:
        raise Unanswered(f"in the handshake: {error}") from error


async def stream(_host: str, port: int, chance: Random) -> int:
    """Send octets through a tcp tunnel, end that direction, and hear all of them again."""
    reader, writer = await _connect(port)
    said = payload(size(chance), chance.getrandbits(32))
    sending = asyncio.create_task(_send(writer, said))
    try:
        heard = await expect(_pieces(reader), said)
        await sending
    finally:
        sending.cancel()
        writer.close()
    return 2 * heard


async def leave_stream(_host: str, port: int, chance: Random) -> int:
    """Go away in the middle."""
    reader, writer = await _connect(port)
    said = payload(size(chance) + 1, chance.getrandbits(32))
    writer.write(said)
    with before_an_answer():
        check(await reader.read(chance.randint(1, len(said))), said)
    writer.transport.abort()
    raise Left


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    with before_an_answer():
        return await asyncio.open_connection(LOOPBACK, port)


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()
    writer.write_eof()


async def _pieces(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    with before_an_answer():
        data = await reader.read(65536)
    while data:
        yield data
        data = await reader.read(65536)
