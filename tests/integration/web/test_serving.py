"""The dashboard's own connections: they must not eat up what tunnels live on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from pgrok.address import Network
from pgrok.server.settings import LimitSettings, TimeoutSettings
from pgrok.server.web.serving import WebServer, listen
from support.conditions import PATIENCE, until
from support.ports import LOOPBACK

LIMITS, TIMEOUTS = LimitSettings(), TimeoutSettings()

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

    async def stream(self, request: Request) -> Response:
        return StreamingResponse(self._pieces())

    async def _pieces(self) -> AsyncIterator[str]:
        yield "he"
        await self.gate.wait()
        yield "re"


@pytest.fixture
def site() -> Site:
    return Site()


@asynccontextmanager
async def serving(
    site: Site,
    trusted: Sequence[Network] = (),
    host: str = LOOPBACK,
    limits: LimitSettings = LIMITS,
    timeouts: TimeoutSettings = TIMEOUTS,
) -> AsyncIterator[int]:
    listening = listen(host, 0)
    application = Starlette(routes=[Route("/", site.answer), Route("/stream", site.stream)])
    server = WebServer(application, [listening], limits=limits, timeouts=timeouts, trusted=trusted)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    yield int(listening.getsockname()[1])
    server.should_exit = True
    site.gate.set()
    await task


@pytest.fixture
async def port(site: Site) -> AsyncIterator[int]:
    async with serving(site) as port:
        yield port


class Visitor:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def at(cls, port: int, source: str = LOOPBACK) -> Visitor:
        return cls(*await asyncio.open_connection(LOOPBACK, port, local_addr=(source, 0)))

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
async def test_who_asks_for_nothing_whole_is_sent_away(site: Site, begun: bytes) -> None:
    async with serving(site, timeouts=TimeoutSettings(dashboard_request=0.1)) as port:
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


async def test_only_the_first_words_may_be_those_of_ssh(port: int, site: Site) -> None:
    site.gate.clear()
    visitor = await Visitor.at(port)
    answer = asyncio.create_task(visitor.ask())
    await until(lambda: site.asked)
    visitor.writer.write(b"SSH-2.0-pgrok\r\n")
    site.gate.set()
    assert await answer == "here"


async def test_who_asks_without_an_end_is_cut_off(port: int, site: Site) -> None:
    site.gate.clear()
    visitor = await Visitor.at(port)
    # Who may leave meanwhile is listened to, and what is heard has to be kept.
    visitor.writer.write(REQUEST.replace(b"/", b"/stream", 1))
    async with asyncio.timeout(PATIENCE):
        with suppress(ConnectionError):
            while not visitor.writer.is_closing():
                visitor.writer.write(REQUEST * 1000)
                await visitor.writer.drain()


async def test_an_answer_that_nobody_takes_ends(site: Site) -> None:
    site.gate.clear()
    timeouts = TimeoutSettings(dashboard_request=0.1, dashboard_answer=0.2)
    async with serving(site, timeouts=timeouts) as port:
        visitor = await Visitor.at(port)
        visitor.writer.write(REQUEST)
        await visitor.end()


async def test_a_stranger_has_not_all_of_them(site: Site) -> None:
    limits = LimitSettings(dashboard_connections_per_address=1)
    async with serving(site, limits=limits) as port:
        first = await Visitor.at(port)
        assert await first.ask() == "here"
        assert await (await Visitor.at(port)).ask() == ""
        assert await (await Visitor.at(port, "127.0.0.2")).ask() == "here"


@pytest.mark.parametrize("host", [LOOPBACK, "::"])
async def test_a_trusted_proxy_may_have_all(site: Site, host: str) -> None:
    limits = LimitSettings(dashboard_connections_per_address=1)
    async with serving(site, [ip_network("127.0.0.0/8")], host, limits) as port:
        first, second = await Visitor.at(port), await Visitor.at(port)
        assert [await first.ask(), await second.ask()] == ["here", "here"]


async def test_who_waits_for_an_answer_is_not(site: Site) -> None:
    site.gate.clear()
    async with serving(site, timeouts=TimeoutSettings(dashboard_request=0.1)) as port:
        patient, idle = await Visitor.at(port), await Visitor.at(port)
        answer = asyncio.create_task(patient.ask())
        await until(lambda: site.asked)
        await idle.end()
        site.gate.set()
        assert await answer == "here"


async def test_there_are_only_so_many(site: Site) -> None:
    async with serving(site, limits=LimitSettings(dashboard_connections=2)) as port:
        first, second = await Visitor.at(port), await Visitor.at(port)
        assert [await first.ask(), await second.ask()] == ["here", "here"]
        assert await (await Visitor.at(port)).ask() == ""
        first.writer.close()
        while await (await Visitor.at(port)).ask() == "":
            pass
        assert await second.ask() == "here"
