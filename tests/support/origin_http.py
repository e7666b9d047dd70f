"""A small HTTP/1.1 server that shows what reached it and answers in every legal way.

Nothing here waits for time: what should take long waits for a gate, which the test opens.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from support.payload import blocks

Fields = list[tuple[str, str]]
Handler = Callable[["Exchange"], Awaitable[None]]

gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)


class Exchange:
    """One request and the response to it."""

    def __init__(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        self.method, self.target, self.version = first.split(" ")
        self.fields: Fields = [tuple(line.split(": ", 1)) for line in lines]  # type: ignore[misc]
        parts = urlsplit(self.target)
        self.path = parts.path
        self._query = parse_qs(parts.query)
        self._reader, self._writer = reader, writer
        self.keep_alive = (self.field("connection") or "").lower() != "close"

    def field(self, name: str) -> str | None:
        """Return the first value of a request header."""
        return next((value for key, value in self.fields if key.lower() == name), None)

    def query(self, name: str, default: str = "") -> str:
        """Return a parameter of the request target."""
        return self._query.get(name, [default])[0]

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the request's body as it arrives, whatever its framing."""
        if (self.field("transfer-encoding") or "").lower() == "chunked":
            while size := int((await self._reader.readline()).split(b";")[0], 16):
                yield await self._reader.readexactly(size)
                await self._reader.readline()
            while (await self._reader.readline()).strip():
                pass
            return
        left = int(self.field("content-length") or 0)
        while left:
            data = await self._reader.read(min(left, 1 << 18))
            if not data:
                raise EOFError
            left -= len(data)
            yield data

    async def receive(self) -> bytes:
        """Return what comes next on a connection that is no more HTTP; nothing at its end."""
        return await self._reader.read(65536)

    async def start(self, status: int, fields: Iterable[tuple[str, str]] = ()) -> None:
        """Send a head."""
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in fields]
        await self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    async def send(self, data: bytes) -> None:
        """Send bytes of the body as they are, and wait while the visitor is slow."""
        self._writer.write(data)
        await self._writer.drain()

    async def chunk(self, data: bytes) -> None:
        """Send one chunk; an empty one ends the body, without the line after the trailers."""
        await self.send(b"%x\r\n" % len(data) + (data + b"\r\n" if data else b""))

    async def answer(self, data: bytes, *, status: int = 200, fields: Fields | None = None) -> None:
        """Send a whole response with its length; to HEAD without the body."""
        fields = [*(fields or []), ("Content-Length", str(len(data)))]
        await self.start(status, fields)
        if self.method != "HEAD":
            await self.send(data)


async def echo(exchange: Exchange) -> None:
    """Show the request as JSON."""
    body = b"".join([data async for data in exchange.body()])
    shown = {
        "method": exchange.method,
        "target": exchange.target,
        "fields": exchange.fields,
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    await exchange.answer(json.dumps(shown).encode(), fields=[("Content-Type", "application/json")])


async def sized(exchange: Exchange) -> None:
    """`/bytes?n=LENGTH&seed=SEED`: bytes of support.payload, `&chunked=1` in chunks."""
    length, seed = int(exchange.query("n")), int(exchange.query("seed", "0"))
    if exchange.query("chunked"):
        await exchange.start(200, [("Transfer-Encoding", "chunked")])
        for block in blocks(length, seed):
            await exchange.chunk(block)
        await exchange.send(b"0\r\n\r\n")
        return
    await exchange.start(200, [("Content-Length", str(length))])
    if exchange.method == "HEAD":
        return
    for block in blocks(length, seed):
        await exchange.send(block)


async def digest(exchange: Exchange) -> None:
    """`/digest`: the length and SHA-256 of what was uploaded."""
    sha256, length = hashlib.sha256(), 0
    async for data in exchange.body():
        sha256.update(data)
        length += len(data)
    await exchange.answer(json.dumps({"length": length, "sha256": sha256.hexdigest()}).encode())


async def trailers(exchange: Exchange) -> None:
    """`/trailers`: a chunked response with a trailer field."""
    await exchange.start(200, [("Transfer-Encoding", "chunked"), ("Trailer", "X-After")])
    await exchange.chunk(b"body")
    await exchange.send(b"0\r\nX-After: the end\r\n\r\n")


async def events(exchange: Exchange) -> None:
    """`/events?gate=NAME`: an event at once, another one when the gate opens."""
    await exchange.start(
        200, [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")]
    )
    await exchange.chunk(b"data: first\n\n")
    await _pass(exchange.query("gate"))
    await exchange.chunk(b"data: second\n\n")
    await exchange.send(b"0\r\n\r\n")


async def held(exchange: Exchange) -> None:
    """`/held?gate=NAME`: nothing at all until the gate opens."""
    await _pass(exchange.query("gate"))
    await exchange.answer(b"let go")


async def _pass(name: str) -> None:
    print(f"waiting at {name}", flush=True)
    await gates[name].wait()


async def gate(exchange: Exchange) -> None:
    """`/gate?gate=NAME`: open that gate."""
    gates[exchange.query("gate")].set()
    await exchange.answer(b"open")


async def careful(exchange: Exchange) -> None:
    """`/continue`: 100 Continue where the request expects it, then its digest."""
    if (exchange.field("expect") or "").lower() == "100-continue":
        await exchange.start(100)
    await digest(exchange)


async def hinted(exchange: Exchange) -> None:
    """`/hints`: 103 Early Hints, then the response."""
    await exchange.start(103, [("Link", "</style.css>; rel=preload")])
    await exchange.answer(b"after hints")


async def early(exchange: Exchange) -> None:
    """`/early`: the whole response before any byte of the upload is read."""
    await exchange.answer(b"too much", status=413)
    async for _ in exchange.body():
        pass


async def unsized(exchange: Exchange) -> None:
    """`/unsized?n=LENGTH&seed=SEED`: a response that ends with the connection."""
    await exchange.start(200, [("Connection", "close")])
    for block in blocks(int(exchange.query("n")), int(exchange.query("seed", "0"))):
        await exchange.send(block)
    exchange.keep_alive = False


async def leaving(exchange: Exchange) -> None:
    """`/leaving`: a response that keeps the connection alive, which is then closed."""
    await exchange.answer(b"bye")
    exchange.keep_alive = False


async def cut(exchange: Exchange) -> None:
    """`/cut`: half of what the head promised."""
    await exchange.start(200, [("Content-Length", "200000")])
    await exchange.send(b"x" * 100000)
    exchange.keep_alive = False


async def status(exchange: Exchange) -> None:
    """`/status?code=CODE`: that status, without a body where it has none."""
    code = int(exchange.query("code"))
    fields = [("Location", exchange.query("location"))] if exchange.query("location") else []
    if code in (204, 304):
        await exchange.start(code, [("ETag", '"x"'), *fields])
    else:
        await exchange.answer(b"status", status=code, fields=fields)


ROUTES: dict[str, Handler] = {
    "/bytes": sized,
    "/digest": digest,
    "/trailers": trailers,
    "/events": events,
    "/held": held,
    "/gate": gate,
    "/continue": careful,
    "/hints": hinted,
    "/early": early,
    "/unsized": unsized,
    "/leaving": leaving,
    "/cut": cut,
    "/status": status,
}


async def serve(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    routes: Mapping[str, Handler] = ROUTES,
) -> None:
    """Answer the requests of one connection."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            exchange = Exchange(head, reader, writer)
            await routes.get(exchange.path, echo)(exchange)
            if not exchange.keep_alive:
                break
    except (EOFError, ConnectionError):
        pass  # the visitor went away
    finally:
        writer.close()
