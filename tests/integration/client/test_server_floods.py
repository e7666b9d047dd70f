"""A server that sends too much of anything: its clients keep no more than they have said."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing

import pytest
from asyncssh.packet import String

from pgrok.address import Address
from pgrok.client.forwarder import tcp_acceptor
from pgrok.transport.ssh.client import ClientConnection
from pgrok.transport.ssh.multiplexer import write_forwarded_open
from pgrok.transport.window import INITIAL_WINDOW
from support.channels import Noting
from support.conditions import until
from support.heads import request
from support.hostile_server import Listener, http, open_channel
from support.ports import LOOPBACK
from support.transport import Acceptor, Served, connected


async def test_channels(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClientConnection, "max_channels", 16)
    acceptor = Acceptor()
    async with connected(served) as connection:
        port = await connection.forward(acceptor)
        opening = write_forwarded_open(b"0.0.0.0", port, (LOOPBACK, 1))
        opened = [Noting() for _ in range(200)]
        for protocol in opened:
            served.client.connection.open_tunnel_channel(protocol, "forwarded-tcpip", opening, {})
        await until(lambda: all(protocol.events for protocol in opened))
        assert len(acceptor.protocols) == len(connection._channels) == 16
        assert sum(protocol.events == ["lost"] for protocol in opened) == 184


async def test_channels_that_come_and_go(served: Served, target: Listener) -> None:
    async with connected(served) as connection:
        port = await connection.forward(tcp_acceptor(Address(LOOPBACK, target.port)))
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
async def test_global_requests(name: bytes, payload: bytes, served: Served) -> None:
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


async def test_data_before_the_target_has_accepted(served: Served) -> None:
    with closing(socket.create_server((LOOPBACK, 0), backlog=1)) as busy:
        # A full backlog: whoever connects waits.
        others = [socket.socket() for _ in range(8)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(busy.getsockname())
        async with connected(served) as connection:
            port = await connection.forward(tcp_acceptor(Address(LOOPBACK, busy.getsockname()[1])))
            assert await taken(served, port, b"x" * 65536) <= INITIAL_WINDOW
        for other in others:
            other.close()


async def test_requests_that_nobody_answers(served: Served, target: Listener) -> None:
    target.answers = False
    async with connected(served) as connection:
        port = await connection.forward(http(target))
        pipeline = request(start=b"GET / HTTP/1.1") * 1000
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
