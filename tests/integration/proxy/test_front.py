"""The public HTTP front with a daemon behind it and applications on the channels of clients."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator

import pytest

from pgrok.address import Address
from pgrok.protocol import TunnelKind
from support.channels import Noting
from support.conditions import steps, until
from support.house import Application, Client, House, application, get, ok, open_house, reset
from support.ports import LOOPBACK
from support.transport import Acceptor


def echo_head(head: bytes) -> bytes:
    return ok(head)


@pytest.fixture
async def bob(house: House, token: str) -> Client:
    """Bob's application answers with the head that it gets."""
    return await house.http(token, acceptor=application(echo_head))


@pytest.fixture
async def far_house(database: str) -> AsyncIterator[House]:
    """One that trusts nobody and is reached over https."""
    nobody: tuple[ipaddress.IPv4Network, ...] = ()
    async with open_house(database, trusted_proxies=nobody, scheme="https") as opened:
        yield opened


def fields_of(body: bytes) -> dict[str, str]:
    """Return the fields of a head that came back as a body."""
    lines = body.decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


class TestHosts:
    @pytest.mark.parametrize(
        "host",
        [
            "bob.localhost",
            "BOB.LocalHost",
            "bob.localhost:1",
            "bob.localhost.",
            "bob.localhost.:80",
        ],
    )
    async def test_port_case_and_a_dot_at_the_end_do_not_matter(
        self, host: str, house: House, bob: Client
    ) -> None:
        head, body = await get(house.settings.proxy.port, host)
        assert head.startswith("HTTP/1.1 200")
        assert f"Host: {host}".encode() in body

    @pytest.mark.parametrize(
        "host",
        [
            "eve.localhost",
            "localhost",
            "bob",
            "xbob.localhost",
            "a.bob.localhost",
            "bob.localhost.example.com",
            "bob.localhost..",
            ".localhost",
            "[::1]:80",
            "Nobody.LocalHost:1",
        ],
    )
    async def test_no_tunnel(self, host: str, house: House, bob: Client) -> None:
        head, body = await get(house.settings.proxy.port, host)
        assert head.startswith("HTTP/1.1 502")
        assert "X-Pgrok-Error: no-tunnel" in head
        assert "text/plain" in head
        assert body.decode() == f"No reverse proxy is available for the host: {host}"

    async def test_browsers_see_a_page(self, house: House) -> None:
        head, body = await get(house.settings.proxy.port, "x.localhost", "Accept: text/html")
        assert "text/html" in head
        assert b"x.localhost" in body

    async def test_a_tcp_tunnel_is_no_http_tunnel(self, house: House, token: str) -> None:
        await house.tcp_tunnel(token)
        head, _ = await get(house.settings.proxy.port, "bob.localhost")
        assert head.startswith("HTTP/1.1 502")

    async def test_one_connection_may_ask_for_several(self, house: House, bob: Client) -> None:
        eve = await house.http(
            (await house.person("eve"))[1], acceptor=application(lambda _: ok(b"eve"))
        )
        reader, writer = await asyncio.open_connection(LOOPBACK, house.settings.proxy.port)
        for host, expected in [("bob", b"bob"), (eve.label, b"eve"), ("nobody", b"nobody")]:
            writer.write(f"GET / HTTP/1.1\r\nHost: {host}.localhost\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            assert expected in await reader.readexactly(length)
        writer.close()


class TestVisitors:
    async def test_a_trusted_proxy_is_believed(self, house: House, bob: Client) -> None:
        _, body = await get(
            house.settings.proxy.port,
            "bob.localhost",
            "X-Forwarded-For: 192.0.2.7",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: example.com",
            "X-Real-IP: 192.0.2.7",
        )
        fields = fields_of(body)
        assert fields["x-forwarded-for"] == "192.0.2.7, 127.0.0.1"
        assert fields["x-forwarded-proto"] == "https"
        assert fields["x-forwarded-host"] == "example.com"
        assert fields["x-real-ip"] == "192.0.2.7"

    async def test_nobody_else_is(self, far_house: House) -> None:
        _, token = await far_house.person("bob")
        await far_house.http(token, acceptor=application(echo_head))
        _, body = await get(
            far_house.settings.proxy.port,
            "bob.localhost",
            "X-Forwarded-For: 192.0.2.7",
            "X-Forwarded-Proto: gopher",
            "X-Forwarded-Host: example.com",
            "X_Forwarded_For: 192.0.2.7",
            "X-Forwarded-Prefix: /192.0.2.7",
            "Forwarded: for=192.0.2.7",
            "X-Real-IP: 192.0.2.7",
        )
        fields = fields_of(body)
        assert fields["x-forwarded-for"] == "127.0.0.1"
        assert fields["x-forwarded-proto"] == "https"
        assert fields["x-forwarded-host"] == "bob.localhost"
        assert fields["x-real-ip"] == "127.0.0.1"
        assert b"192.0.2.7" not in body

    async def test_cookies_for_the_parent_are_dropped(self, house: House, token: str) -> None:
        cookies = [
            b"Set-Cookie: own=1",
            b"Set-Cookie: mine=1; Domain=bob.localhost",
            b"Set-Cookie: tossed=1; Domain=.localhost",
        ]
        await house.http(token, acceptor=application(lambda _: ok(b"", *cookies)))
        head, _ = await get(house.settings.proxy.port, "bob.localhost")
        assert "own=1" in head
        assert "mine=1" in head
        assert "tossed" not in head


class TestChannels:
    async def test_they_are_used_again(self, house: House, token: str) -> None:
        accepted = Acceptor()

        def accept(originator: Address) -> asyncio.Protocol:
            accepted(originator)
            return Application(lambda _: ok(b"answer"))

        await house.http(token, acceptor=accept)
        for _ in range(5):
            await get(house.settings.proxy.port, "bob.localhost")
        assert len(accepted.protocols) == 1

    async def test_visitors_are_not_named_to_the_client_because_they_share_them(
        self, house: House, token: str
    ) -> None:
        acceptor = Acceptor()
        await house.http(token, acceptor=acceptor)
        _, writer = await ask(house)
        await until(lambda: acceptor.originators)
        assert acceptor.originators[0].host == LOOPBACK
        assert acceptor.originators[0].port > 0
        writer.close()

    @pytest.mark.parametrize("end", ["close", "abort"])
    async def test_closed_without_an_answer_it_means_that_the_target_is_down(
        self, end: str, house: House, token: str
    ) -> None:
        acceptor = Acceptor()
        await house.http(token, acceptor=acceptor)
        reader, writer = await ask(house)
        await until(lambda: acceptor.protocols and acceptor.protocols[0].data)
        getattr(acceptor.protocols[0].transport, end)()
        assert b"X-Pgrok-Error: target-down" in await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async def test_lost_with_its_tunnel_it_means_that_nobody_knows(
        self, house: House, token: str
    ) -> None:
        acceptor = Acceptor()
        client = await house.http(token, acceptor=acceptor)
        port = house.settings.proxy.port
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"POST / HTTP/1.1\r\nHost: bob.localhost\r\nContent-Length: 0\r\n\r\n")
        await until(lambda: acceptor.protocols and acceptor.protocols[0].data)
        client.connection.abort()
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 502 ")
        assert b"X-Pgrok-Error: tunnel-lost" in head
        writer.close()

    async def test_refused_it_means_the_same(self, house: House, token: str) -> None:
        client = await house.http(token)
        client.connection._accept = None
        head, _ = await get(house.settings.proxy.port, "bob.localhost")
        assert "X-Pgrok-Error: target-down" in head

    async def test_a_client_lost_in_the_middle_of_an_answer_shows(
        self, house: House, token: str
    ) -> None:
        acceptor = Acceptor()
        client = await house.http(token, acceptor=acceptor)
        reader, writer = await ask(house)
        await until(lambda: acceptor.protocols and acceptor.protocols[0].data)
        assert acceptor.protocols[0].transport
        acceptor.protocols[0].transport.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        client.connection.abort()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()

    async def test_a_visitor_who_vanishes_ends_the_channel(self, house: House, token: str) -> None:
        acceptor = Acceptor()
        await house.http(token, acceptor=acceptor)
        _, writer = await ask(house)
        await until(lambda: acceptor.protocols and acceptor.protocols[0].data)
        reset(writer.transport)
        await until(lambda: acceptor.protocols[0].events[-1] == "lost")

    async def test_a_visitor_who_does_not_read_stalls_his_own_channel_only(
        self, house: House, token: str
    ) -> None:
        acceptor = Acceptor()
        await house.http(token, acceptor=acceptor)
        _, writer = await ask(house)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: acceptor.protocols and acceptor.protocols[0].data)
        flood = acceptor.protocols[0]
        assert flood.transport
        flood.transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        written = 0
        while "pause" not in flood.events:
            flood.transport.write(b"x" * 65536)
            written += 65536
            await steps(3)
            assert written < 64 << 20, "nothing stops a flood"
        reader, other = await ask(house)
        await until(lambda: len(acceptor.protocols) == 2 and acceptor.protocols[1].data)
        assert acceptor.protocols[1].transport
        acceptor.protocols[1].transport.write(ok(b"for the other one"))
        assert b"for the other one" in await reader.readuntil(b"one")
        for each in (writer, other):
            each.transport.abort()

    async def test_an_answer_comes_as_it_is_made(self, house: House, token: str) -> None:
        acceptor = Acceptor()
        await house.http(token, acceptor=acceptor)
        reader, writer = await ask(house)
        await until(lambda: acceptor.protocols and acceptor.protocols[0].data)
        transport = acceptor.protocols[0].transport
        assert transport
        transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        for number in range(3):
            transport.write(b"data: %d\n\n" % number)
            assert await reader.readuntil(b"data: %d\n\n" % number)
        writer.close()


async def ask(house: House) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request for bob's tunnel and do not wait for the answer."""
    reader, writer = await asyncio.open_connection(LOOPBACK, house.settings.proxy.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: bob.localhost\r\n\r\n")
    return reader, writer


class TestWebSockets:
    async def test_after_the_101_bytes_go_both_ways(self, house: House, token: str) -> None:
        acceptor = Acceptor()
        await house.http(token, acceptor=acceptor)
        reader, writer = await asyncio.open_connection(LOOPBACK, house.settings.proxy.port)
        writer.write(
            b"GET /chat HTTP/1.1\r\nHost: bob.localhost\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await until(lambda: acceptor.protocols and acceptor.protocols[0].data)
        far = acceptor.protocols[0]
        assert far.transport
        far.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"\r\nfirst frame"
        )
        assert b"101" in await reader.readuntil(b"first frame")
        far.data.clear()
        writer.write(b"\x00visitor")
        await until(lambda: far.data == b"\x00visitor")
        writer.write_eof()
        await until(lambda: "eof" in far.events)
        far.transport.write(b"\xfflast")
        far.transport.close()
        assert await reader.read() == b"\xfflast"
        writer.close()


async def test_a_drain_lets_a_request_finish(database: str) -> None:
    acceptor = Acceptor()
    async with open_house(database) as house:
        _, token = await house.person("bob")
        await house.http(token, acceptor=acceptor)
        reader, writer = await ask(house)
        await until(lambda: acceptor.protocols and acceptor.protocols[0].data)
        house.close = noop  # type: ignore[method-assign]
        answer = asyncio.ensure_future(read_all(reader, writer))
        asyncio.get_running_loop().call_later(0.2, finish, acceptor.protocols[0])
    assert b"just in time" in await answer


async def read_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    answer = await reader.read()
    writer.close()
    return answer


def finish(far: Noting) -> None:
    assert far.transport
    far.transport.write(ok(b"just in time"))


async def noop() -> None:
    """Leave the clients to the drain."""


async def test_what_is_released_in_the_middle_of_a_request_is_finished(
    house: House, token: str
) -> None:
    acceptor = Acceptor()
    client = await house.http(token, acceptor=acceptor)
    reader, writer = await ask(house)
    await until(lambda: acceptor.protocols and acceptor.protocols[0].data)
    await client.connection._make_global_request(
        b"cancel-tcpip-forward", b"\0\0\0\x070.0.0.0" + client.port.to_bytes(4, "big")
    )
    assert house.daemon.registry.find((TunnelKind.HTTP, "bob")) is None
    finish(acceptor.protocols[0])
    assert b"just in time" in await reader.readuntil(b"just in time")
    writer.close()
    await until(lambda: acceptor.protocols[0].events[-1] == "lost")
