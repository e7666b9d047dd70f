"""What visitors do with HTTP. Each transfer returns the octets of bodies that it carried."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from random import Random

from soak.ends import Left, Wrong, before_an_answer
from soak.http import Connection
from soak.origin import STEPS, event
from support.payload import blocks, digest, payload

LARGEST = 2_000_000
"""Octets of the longest ordinary body: beyond all windows and socket buffers at their start."""

SLOWEST = 4.0
"""Seconds that the application takes for its slowest answer."""

SLOWLY = 6_000_000
"""Octets that a slow reader asks for: beyond what all on the way may keep for it."""

SIP, SIP_SECONDS = 64_000, 0.03
"""Octets that a slow reader takes at once, and the pause between two."""


def size(chance: Random) -> int:
    """Draw the length of a body: many are short, some empty, few long."""
    return int(LARGEST ** chance.random()) - 1


async def fetch(connection: Connection, chance: Random) -> int:
    """Fetch a body of known length, in chunks, or up to the end of the target's connection."""
    path, option = chance.choice([("bytes", ""), ("bytes", "&chunked=1"), ("unsized", "")])
    length, seed = size(chance), chance.getrandbits(32)
    return await expect(
        connection.ask(f"/{path}?n={length}&seed={seed}{option}"), payload(length, seed)
    )


async def fetch_slowly(connection: Connection, chance: Random) -> int:
    """Fetch more than anybody buffers, and read it little by little."""
    length, seed = SLOWLY, chance.getrandbits(32)
    answer = connection.ask(f"/bytes?n={length}&seed={seed}")
    return await expect(_sipped(answer), payload(length, seed))


async def wait(connection: Connection, chance: Random) -> int:
    """Fetch what the application makes slowly."""
    length, seed = size(chance), chance.getrandbits(32)
    target = f"/slow?n={length}&seed={seed}&seconds={chance.uniform(0, SLOWEST):.2f}"
    return await expect(connection.ask(target), payload(length, seed))


async def listen(connection: Connection, chance: Random) -> int:
    """Hear server-sent events until their end."""
    seed = chance.getrandbits(32)
    target = f"/ticks?seed={seed}&seconds={chance.uniform(0, SLOWEST):.2f}"
    expected = b"".join(event(number, seed) for number in range(STEPS))
    return await expect(connection.ask(target), expected)


async def upload(connection: Connection, chance: Random) -> int:
    """Send a body, with its length or in chunks; the application has to have had just that."""
    length, seed = size(chance), chance.getrandbits(32)
    known = chance.choice([length, None])
    answer = await connection.upload("/digest", blocks(length, seed), known)
    expected = {"length": length, "sha256": digest(blocks(length, seed))}
    if json.loads(answer) != expected:
        raise Wrong(f"uploaded {expected}, and the application got {answer!r}")
    return length


async def upload_in_vain(connection: Connection, chance: Random) -> int:
    """Send a body to an application that answers before it reads."""
    length, seed = size(chance), chance.getrandbits(32)
    answer = await connection.upload("/early", blocks(length, seed), length, status=413)
    if answer != b"too much":
        raise Wrong(f"the early answer was {answer[:80]!r}")
    return len(answer)


async def leave(connection: Connection, chance: Random) -> int:
    """Go away in the middle of an answer."""
    seed, enough = chance.getrandbits(32), chance.randrange(LARGEST)
    body = payload(LARGEST, seed)
    received = bytearray()
    async for data in connection.ask(f"/bytes?n={len(body)}&seed={seed}"):
        received += data
        if len(received) >= enough:
            break
    check(received, body)
    connection.abort()
    raise Left


async def leave_upload(connection: Connection, chance: Random) -> int:
    """Go away in the middle of an upload."""
    length = size(chance) + 2
    connection.begin_upload("/digest", length, payload(chance.randrange(1, length)))
    with before_an_answer():
        await connection.writer.drain()
    connection.abort()
    raise Left


async def expect(pieces: AsyncIterator[bytes], expected: bytes) -> int:
    """Return the length if exactly the expected body comes; what came before a cut counts too."""
    received = bytearray()
    try:
        async for data in pieces:
            received += data
    finally:
        check(received, expected)
    if len(received) < len(expected):
        raise Wrong(f"silently short: {len(received)} octets of {len(expected)}")
    return len(received)


def check(received: bytes | bytearray, expected: bytes) -> None:
    """Raise `Wrong` if what came is not how the expected begins."""
    if expected.startswith(received):
        return
    same = next(
        (at for at, pair in enumerate(zip(received, expected, strict=False)) if pair[0] != pair[1]),
        len(expected),
    )
    raise Wrong(f"other octets from {same} on, of {len(received)} ({len(expected)} expected)")


async def _sipped(answer: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    taken = 0
    async for data in answer:
        yield data
        taken += len(data)
        if taken >= SIP:
            taken = 0
            await asyncio.sleep(SIP_SECONDS)
