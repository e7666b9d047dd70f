"""A server that turns on its clients: they go nowhere else, tell nothing, and stay small."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing

import pytest
import uvloop
from asyncssh.packet import String

from pgrok.address import Address, parse_target
from pgrok.client.forwarder import http_acceptor, tcp_acceptor
from pgrok.client.records import RequestRecord
from pgrok.client.targets import Forward, Rules
from pgrok.transport.ssh import client
from pgrok.transport.ssh.client import ClientConnection
from pgrok.transport.ssh.multiplexer import write_forwarded_open
from pgrok.transport.ssh.server import ServerConnection
from pgrok.transport.window import INITIAL_WINDOW
from support.channels import Noting
from support.conditions import until
from support.heads import request
from support.ports import LOOPBACK
from support.public import Application, addressed
from support.recorder import Record
from support.transport import Accepting, Acceptor, Served, connected, serving


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Return the loop to test on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


class Listener:
    """Something on loopback that the client could connect to."""

    def __init__(self) -> None:
        self.record = Record()
        self.connections: list[Application] = []
        self.port = 0

    def _accept(self) -> Application:
        self.connections.append(self.record.serve())
        return self.connections[-1]

    async def begin(self) -> asyncio.Server:
        server = await asyncio.get_running_loop().create_server(self._accept, LOOPBACK, 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def leave(self) -> None:
        for connection in self.connections:
            connection.transport.abort()


@pytest.fixture
async def target() -> AsyncIterator[Listener]:
    """What the client's person named."""
    listener = Listener()
    async with await listener.begin():
        yield listener
        listener.leave()


@pytest.fixture
async def decoy() -> AsyncIterator[Listener]:
    """What nobody named, and only the server would like to reach."""
    listener = Listener()
    async with await listener.begin():
        yield listener
        listener.leave()


async def open_channel(
    server: ServerConnection, port: int, *, address: bytes, originator: tuple[str, int]
) -> Noting:
    """Have the server open a channel as it likes; return what became of it."""
    opened = Noting()
    opening = write_forwarded_open(address, port, originator)
    server.open_tunnel_channel(opened, "forwarded-tcpip", opening, {})
    await until(lambda: opened.events, "the client has answered")
    return opened


async def tunnel(connection: ClientConnection, accept: Accepting) -> int:
    return await connection.forward(accept)


def http(target: Listener) -> Accepting:
    """Return what serves the channels of an http tunnel to `target`."""
    url = parse_target(f"http://{LOOPBACK}:{target.port}")
    api = Forward("/api", parse_target(f"http://{LOOPBACK}:{target.port}/base"))
    logged: list[RequestRecord] = []
    return http_acceptor(Rules(url, [api]), logged.append)


class TestElsewhere:
    """It opens connections to the named target only."""

    async def test_an_open_for_another_port_is_refused(
        self, served: Served, target: Listener, decoy: Listener
    ) -> None:
        async with connected(served) as connection:
            port = await tunnel(connection, tcp_acceptor(Address(LOOPBACK, target.port)))
            for other in (port + 1, decoy.port, 22, 0xFFFFFFFF):
                opened = await open_channel(
                    served.client.connection,
                    other,
                    address=LOOPBACK.encode(),
                    originator=(LOOPBACK, decoy.port),
                )
                assert opened.events == ["lost"]
        assert target.connections == decoy.connections == []

    @pytest.mark.parametrize("address", [b"127.0.0.1", b"/etc/passwd", b"\0", b"localhost", b""])
    async def test_an_open_for_another_address_goes_to_the_target(
        self, address: bytes, served: Served, target: Listener, decoy: Listener
    ) -> None:
        async with connected(served) as connection:
            port = await tunnel(connection, tcp_acceptor(Address(LOOPBACK, target.port)))
            originator = (address.decode(), decoy.port)
            opened = await open_channel(
                served.client.connection, port, address=address, originator=originator
            )
            assert opened.transport
            opened.transport.write(request(start=b"GET /here HTTP/1.1"))
            await until(lambda: opened.data.endswith(b"/here"))
        assert decoy.connections == []

    async def test_requests_go_to_the_target_whatever_they_say(
        self, served: Served, target: Listener, decoy: Listener
    ) -> None:
        elsewhere = b"%b:%d" % (LOOPBACK.encode(), decoy.port)
        told = [b"X-Forwarded-Host: " + elsewhere, b"Forwarded: host=" + elsewhere]
        async with connected(served) as connection:
            port = await tunnel(connection, http(target))
            for start, status in (
                (b"GET / HTTP/1.1", 200),
                (b"GET //%b/ HTTP/1.1" % elsewhere, 200),
                (b"GET /@%b/ HTTP/1.1" % elsewhere, 200),
                (b"GET http://%b/ HTTP/1.1" % elsewhere, 400),
                (b"GET file:///etc/passwd HTTP/1.1", 400),
                (b"CONNECT %b HTTP/1.1" % elsewhere, 400),
                (b"GET /api/../x HTTP/1.1", 400),
                (b"GET /api/%2e%2e/x HTTP/1.1", 400),
                (b"GET /api/x HTTP/1.1", 200),
            ):
                opened = await open_channel(
                    served.client.connection, port, address=b"0.0.0.0", originator=(LOOPBACK, 1)
                )
                assert opened.transport
                asked = request(*told, start=start).replace(b"Host: a", b"Host: " + elsewhere)
                opened.transport.write(asked)
                await until(lambda opened=opened: opened.data)  # type: ignore[misc]
                assert opened.data.startswith(b"HTTP/1.1 %d " % status), start
        assert decoy.connections == []
        assert target.record.malformed == []
        assert [path for _, path, _ in target.record.asked if b"api" in path] == [b"/base/api/x"]


class TestFloods:
    """It keeps no more than it has said."""

    async def test_channels(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "MAX_CHANNELS", 16)
        acceptor = Acceptor()
        async with connected(served) as connection:
            port = await tunnel(connection, acceptor)
            opening = write_forwarded_open(b"0.0.0.0", port, (LOOPBACK, 1))
            opened = [Noting() for _ in range(200)]
            for protocol in opened:
                served.client.connection.open_tunnel_channel(
                    protocol, "forwarded-tcpip", opening, {}
                )
            await until(lambda: all(protocol.events for protocol in opened))
            assert len(acceptor.protocols) == len(connection._channels) == 16
            assert sum(protocol.events == ["lost"] for protocol in opened) == 184

    async def test_channels_that_come_and_go(self, served: Served, target: Listener) -> None:
        async with connected(served) as connection:
            port = await tunnel(connection, tcp_acceptor(Address(LOOPBACK, target.port)))
            tasks = len(asyncio.all_tasks())
            opening = write_forwarded_open(b"0.0.0.0", port, (LOOPBACK, 1))
            for _ in range(500):
                protocol = Noting()
                transport = served.client.connection.open_tunnel_channel(
                    protocol, "forwarded-tcpip", opening, {}
                )
                transport.abort()
            await until(lambda: not connection._channels and not served.client.connection._channels)
            await until(lambda: len(asyncio.all_tasks()) <= tasks)

    @pytest.mark.parametrize(
        ("name", "payload"),
        [
            (b"hostkeys-00@openssh.com", String(b"not a key")),
            (b"keepalive@openssh.com", b""),
            (b"no-such-thing", b"x" * 1000),
        ],
    )
    async def test_global_requests(self, name: bytes, payload: bytes, served: Served) -> None:
        async with connected(served) as connection:
            tasks = len(asyncio.all_tasks())
            most_waiting = most_tasks = 0
            for _ in range(100):
                for _ in range(50):
                    served.client.connection._send_global_request(name, payload)
                await asyncio.sleep(0)
                most_waiting = max(most_waiting, len(connection._global_request_queue))
                most_tasks = max(most_tasks, len(asyncio.all_tasks()))
            assert await connection.request("hint", b"still here") == b"still here"
            assert most_waiting <= 1
            assert most_tasks <= tasks + 1

    async def test_data_before_the_target_has_accepted(self, served: Served) -> None:
        with closing(socket.create_server((LOOPBACK, 0), backlog=1)) as busy:
            # A full backlog: whoever connects waits.
            others = [socket.socket() for _ in range(8)]
            for other in others:
                other.setblocking(False)
                other.connect_ex(busy.getsockname())
            async with connected(served) as connection:
                port = await tunnel(
                    connection, tcp_acceptor(Address(LOOPBACK, busy.getsockname()[1]))
                )
                assert await taken(served, port, b"x" * 65536) <= INITIAL_WINDOW
            for other in others:
                other.close()

    async def test_requests_that_nobody_answers(self, served: Served) -> None:
        silent = await asyncio.start_server(lambda *_: None, LOOPBACK, 0)
        async with silent, connected(served) as connection:
            url = parse_target(f"http://{LOOPBACK}:{silent.sockets[0].getsockname()[1]}")
            logged: list[RequestRecord] = []
            port = await tunnel(connection, http_acceptor(Rules(url), logged.append))
            pipeline = addressed(request(start=b"GET / HTTP/1.1")) * 1000
            assert await taken(served, port, pipeline) <= 2 * INITIAL_WINDOW


async def taken(served: Served, port: int, data: bytes) -> int:
    """Send `data` many times on a channel; return how many octets the client takes of that."""
    opened = await open_channel(
        served.client.connection, port, address=b"0.0.0.0", originator=(LOOPBACK, 1)
    )
    assert opened.transport
    for _ in range(64):
        opened.transport.write(data)
    sizes = [0]
    for _ in range(2):
        # What was sent before this answer has been dealt with by now, and what it led to.
        await served.client.connection.probe()
        sizes.append(opened.transport.get_write_buffer_size())
    assert sizes[-1] == sizes[-2], "the client takes on and on"
    return 64 * len(data) - sizes[-1]
