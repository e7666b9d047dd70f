"""What visitors may have and how long they may take, as the settings say."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from pgrok.server.decisions import Event
from pgrok.server.settings import LimitSettings, TimeoutSettings
from support.conditions import PATIENCE, steps, until
from support.house import House, get, open_house, reset
from support.ports import LOOPBACK
from support.transport import Acceptor

GET = b"GET / HTTP/1.1\r\nHost: bob.localhost\r\n\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
ENDLESS = 16 << 20
"""Octets of an answer, more than any system takes for somebody who does not read."""
NOBODY: tuple[ipaddress.IPv4Network, ...] = ()

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def visitor(house: House, request: bytes = GET) -> AsyncIterator[Streams]:
    """Somebody who has sent a request and does not wait for the answer."""
    reader, writer = await asyncio.open_connection(LOOPBACK, house.settings.proxy.port)
    writer.write(request)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def silent_tunnel(house: House) -> Acceptor:
    """Open bob's tunnel to an application that does not answer; return its channels."""
    acceptor = Acceptor()
    await house.http((await house.person("bob"))[1], acceptor=acceptor)
    return acceptor


async def refused(house: House, *fields: str) -> str:
    """Return the head of the answer to a request that is one too many."""
    head, _ = await get(house.settings.proxy.port, "bob.localhost", *fields)
    assert "Retry-After: 1" in head
    return head


def is_overloaded(head: str) -> bool:
    return head.startswith("HTTP/1.1 503 ") and "X-Pgrok-Error: overloaded" in head


def is_at_fault(head: str) -> bool:
    return head.startswith("HTTP/1.1 429 ") and "X-Pgrok-Error: too-many-requests" in head


class TestConnections:
    @pytest.mark.parametrize("trusted", [True, False])
    async def test_are_so_many_in_all(self, trusted: bool, database: str) -> None:
        proxy: dict[str, Any] = {} if trusted else {"trusted_proxies": NOBODY}
        limits = LimitSettings(visitors=2)
        async with (
            open_house(database, limits=limits, **proxy) as house,
            visitor(house),
            visitor(house),
        ):
            await until(lambda: house.daemon.observer.counts.visitors["http"] == 2)
            assert is_overloaded(await refused(house))

    async def test_and_of_an_address(self, database: str) -> None:
        limits = LimitSettings(visitors_per_address=2)
        async with open_house(database, limits=limits, trusted_proxies=NOBODY) as house:
            for _ in range(3):
                head, _ = await get(house.settings.proxy.port, "x.localhost")
                assert head.startswith("HTTP/1.1 502"), "who has left does not count"
            async with visitor(house), visitor(house):
                assert is_at_fault(await refused(house))

    async def test_but_not_of_a_trusted_proxy(self, database: str) -> None:
        limits = LimitSettings(visitors_per_address=1)
        async with open_house(database, limits=limits) as house, visitor(house), visitor(house):
            head, _ = await get(house.settings.proxy.port, "x.localhost")
            assert head.startswith("HTTP/1.1 502")


class TestStreams:
    """They are connections as well, and nobody may have more of them than of others."""

    async def test_of_tcp_are_counted(self, database: str) -> None:
        limits = LimitSettings(visitors_per_address=2)
        async with open_house(database, limits=limits, trusted_proxies=NOBODY) as house:
            client = await house.tcp_tunnel((await house.person("bob"))[1])
            first, _ = [await house.visit(client.public_port) for _ in range(2)]
            third = await house.visit(client.public_port)
            await until(lambda: "lost" in third.events)
            assert is_at_fault(await refused(house))
            reset(first.socket)
            async with asyncio.timeout(PATIENCE):
                while is_at_fault((await get(house.settings.proxy.port, "x.localhost"))[0]):
                    await steps()

    async def test_that_were_requests_still_are(self, database: str) -> None:
        limits = LimitSettings(visitors_per_address=1)
        async with open_house(database, limits=limits, trusted_proxies=NOBODY) as house:
            acceptor = await silent_tunnel(house)
            async with visitor(house, GET.replace(b"\r\n\r\n", b"\r\n" + UPGRADE)) as (reader, _):
                await until(lambda: acceptor.protocols)
                (far,) = acceptor.protocols
                assert far.transport
                far.transport.write(b"HTTP/1.1 101 Switching Protocols\r\n" + UPGRADE)
                await reader.readuntil(b"\r\n\r\n")
                assert is_at_fault(await refused(house))


class TestRequests:
    @pytest.mark.parametrize("limit", ["requests_per_tunnel", "requests_per_person"])
    async def test_are_so_many_of_a_tunnel_and_of_a_person(self, limit: str, database: str) -> None:
        limits = LimitSettings.model_validate({limit: 2})
        async with open_house(database, limits=limits) as house:
            acceptor = await silent_tunnel(house)
            async with visitor(house), visitor(house):
                await until(lambda: len(acceptor.protocols) == 2)
                assert is_overloaded(await refused(house))

    async def test_and_of_whom_a_proxy_names(self, database: str) -> None:
        forwarded = "X-Forwarded-For: 192.0.2.1"
        request = GET.replace(b"\r\n\r\n", f"\r\n{forwarded}\r\n\r\n".encode())
        async with open_house(database, limits=LimitSettings(requests_per_address=1)) as house:
            acceptor = await silent_tunnel(house)
            async with visitor(house, request):
                await until(lambda: acceptor.protocols)
                assert is_at_fault(await refused(house, forwarded))


class TestTime:
    @pytest.mark.parametrize(
        ("timeouts", "sent", "status"),
        [
            (TimeoutSettings(head=0.1), GET[:-1], b"408"),
            (TimeoutSettings(body=0.1), GET[:-2] + b"Content-Length: 9\r\n\r\n", b"408"),
            (TimeoutSettings(response=0.1), GET, b"504"),
        ],
        ids=["head", "body", "response"],
    )
    async def test_is_short_for_who_says_too_little(
        self, timeouts: TimeoutSettings, sent: bytes, status: bytes, database: str
    ) -> None:
        async with open_house(database, timeouts=timeouts) as house:
            await silent_tunnel(house)
            async with visitor(house, sent) as (reader, _), asyncio.timeout(PATIENCE):
                assert (await reader.readline()).split()[1] == status

    async def test_is_short_between_requests(self, database: str) -> None:
        async with (
            open_house(database, timeouts=TimeoutSettings(idle=0.1)) as house,
            visitor(house) as (reader, _),
            asyncio.timeout(PATIENCE),
        ):
            assert (await reader.read()).startswith(b"HTTP/1.1 502 ")

    async def test_is_short_after_the_last(self, database: str) -> None:
        last = GET.replace(b"HTTP/1.1", b"HTTP/1.0")
        async with (
            open_house(database, timeouts=TimeoutSettings(linger=0.1)) as house,
            visitor(house, last) as (reader, writer),
        ):
            assert (await reader.read()).startswith(b"HTTP/1.1 502 ")

            def is_gone() -> bool:
                writer.write(b"x")
                return writer.transport.is_closing()

            # By default it would be open for five seconds.
            await until(is_gone, seconds=4)

    async def test_is_short_for_who_reads_nothing(self, database: str) -> None:
        async with open_house(database, timeouts=TimeoutSettings(stalled=0.1)) as house:
            acceptor = await silent_tunnel(house)
            async with visitor(house):
                await until(lambda: acceptor.protocols and acceptor.protocols[0].data)
                channel = acceptor.protocols[0]
                assert channel.transport
                channel.transport.write(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(ENDLESS))
                await until(lambda: channel.events[-1] == "lost")
            refusals = house.daemon.observer.decisions.refusals
            assert refusals[Event.VISITOR, "reads nothing"] == 1

    async def test_is_short_when_the_daemon_ends(
        self, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def leave_all_as_it_is() -> None:
            pass

        timeouts = TimeoutSettings(drain=0.1, drain_streams=0.1, goodbye=0.1)
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            async with open_house(database, timeouts=timeouts) as house:
                monkeypatch.setattr(house, "close", leave_all_as_it_is)
                acceptor = await silent_tunnel(house)
                await stack.enter_async_context(visitor(house))
                await until(lambda: acceptor.protocols)
                house.clients[0].stop()
                begin = loop.time()
            # By default requests alone would have had ten seconds.
            assert loop.time() - begin < 8
            house.clients[0].connection.abort()
