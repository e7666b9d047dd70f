"""The dashboard's own connections: they must not eat up what tunnels live on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pgrok.server.web import serving
from pgrok.server.web.serving import WebServer, listen
from support.conditions import PATIENCE, until
from support.ports import LOOPBACK

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Site:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def answer(self, request: Request) -> Response:
        self.asked += 1
        await self.gate.wait()
        return PlainTextResponse("here")


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def port(site: Site) -> AsyncIterator[int]:
    listening = listen(LOOPBACK, 0)
    server = WebServer(Starlette(routes=[Route("/", site.answer)]), [listening])
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    yield int(listening.getsockname()[1])
    server.should_exit = True
    await task


class Visitor:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def at(cls, port: int) -> Visitor:
        return cls(*await asyncio.open_connection(LOOPBACK, port))

    async def ask(self) -> str:
        """Send a request; return the body of the answer, or nothing where it is closed."""
        self.writer.write(REQUEST)
        async with asyncio.timeout(PATIENCE):
            try:
                await self.reader.readuntil(b"\r\n\r\n")
                return (await self.reader.readexactly(4)).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                return ""

    async def end(self) -> None:
        """Wait until the connection is closed."""
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                await self.reader.read()


@pytest.mark.parametrize(
    "begun", [b"", b"G", REQUEST[:-2], b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1"]
)
async def test_who_asks_for_nothing_whole_is_sent_away(
    monkeypatch: pytest.MonkeyPatch, port: int, begun: bytes
) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 0.05)
    visitor = await Visitor.at(port)
    visitor.writer.write(begun)
    await visitor.end()


async def test_who_speaks_ssh_is_answered_at_once(port: int) -> None:
    visitor = await Visitor.at(port)
    visitor.writer.write(b"SSH-2.0-pgrok\r\n")
    async with asyncio.timeout(PATIENCE):
        answer = await visitor.reader.read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"SSH has another" in answer


async def test_who_waits_for_an_answer_is_not(
    monkeypatch: pytest.MonkeyPatch, port: int, site: Site
) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 0.02)
    site.gate.clear()
    patient, idle = await Visitor.at(port), await Visitor.at(port)
    answer = asyncio.create_task(patient.ask())
    await until(lambda: site.asked)
    await idle.end()
    site.gate.set()
    assert await answer == "here"


async def test_there_are_only_so_many(
    monkeypatch: pytest.MonkeyPatch, port: int, site: Site
) -> None:
    monkeypatch.setattr(serving, "MAX_CONNECTIONS", 2)
    first, second = await Visitor.at(port), await Visitor.at(port)
    assert [await first.ask(), await second.ask()] == ["here", "here"]
    assert await (await Visitor.at(port)).ask() == ""
    first.writer.close()
    while await (await Visitor.at(port)).ask() == "":
        pass
    assert await second.ask() == "here"
