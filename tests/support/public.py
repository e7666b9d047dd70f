"""A tunnel in use: a public front, our own client behind it, and an application on a socket."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import cast

from pgrok.address import parse_target
from pgrok.client.forwarder import http_acceptor
from pgrok.client.targets import Rules
from support.conditions import PATIENCE
from support.heads import request
from support.house import open_house
from support.ports import LOOPBACK

LABEL = b"a"
HOST = b"a.localhost"

_FOR_A = re.compile(rb"([Hh]ost: |http://)a(?![\w.])")


class Application(asyncio.Protocol):
    """One connection of the application behind a tunnel."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)


@asynccontextmanager
async def tunnel_to(
    application: Callable[[], Application], database: str, *, our_client: bool = True
) -> AsyncIterator[int]:
    """Give the port of a front; requests for `HOST` go to `application`.

    Between the two is our client, or one that leaves channels to `application` as they are.
    """
    loop = asyncio.get_running_loop()
    made: list[Application] = []

    def accept() -> Application:
        made.append(application())
        return made[-1]

    server = await loop.create_server(accept, LOOPBACK, 0)
    target = parse_target(f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}")
    async with open_house(database) as house:
        _, token = await house.person(LABEL.decode())
        ours = http_acceptor(Rules(target), lambda *_: None)
        await house.http(token, acceptor=ours if our_client else lambda _: accept())
        yield house.settings.proxy.port
        server.close()
        for each in made:
            each.transport.abort()


def addressed(data: bytes) -> bytes:
    """Return a request of the corpora, which are for the host `a`, as one for `HOST`."""
    return _FOR_A.sub(rb"\1" + HOST, data)


async def send(port: int, parts: list[bytes], *, end: bool = False) -> bytes:
    """Send octets on a connection of their own; return what comes until the server closes it.

    The server may be done before all is sent. With `end`, no more octets are to come.
    """
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    async with asyncio.timeout(PATIENCE):
        with suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0)
            if end:
                writer.write_eof()
        received = bytearray()
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                received += data
    writer.close()
    return bytes(received)


class Neighbour:
    """Another visitor, who stays."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._asked = 0

    @classmethod
    async def at(cls, port: int) -> Neighbour:
        """Return one who has connected."""
        return cls(*await asyncio.open_connection(LOOPBACK, port))

    async def ask(self) -> bytes:
        """Send a request; return its target, which has to be its answer."""
        self._asked += 1
        target = b"/neighbour/%d" % self._asked
        self._writer.write(addressed(request(start=b"GET %b HTTP/1.1" % target)))
        async with asyncio.timeout(PATIENCE):
            head = await self._reader.readuntil(b"\r\n\r\n")
            body = await self._reader.readexactly(len(target))
        assert head.startswith(b"HTTP/1.1 200 "), head
        assert body == target
        return target

    def leave(self) -> None:
        """Close the connection."""
        self._writer.close()
