"""Streams of which one end is gone while the other takes nothing: neither is kept for that."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from pgrok.address import Address
from pgrok.client.forwarder import tcp_acceptor
from pgrok.protocol import TunnelKind
from pgrok.relay import half_open, parting
from pgrok.transport import ending
from support.conditions import until
from support.house import Client, House
from support.ports import LOOPBACK
from support.transport import Acceptor

BLOCK = bytes(64 * 1024)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half_open, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(ending, "UNREAD_SECONDS", 0.05)


@dataclass
class Echo:
    """A target that reads no more until what it has written is taken, and hears who leaves."""

    port: int = 0
    present: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.present.add(writer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(len(BLOCK)):
                writer.write(data)
                await writer.drain()
        writer.close()
        self.present.discard(writer)


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    running = Echo()
    async with await asyncio.start_server(running.serve, LOOPBACK, 0) as server:
        running.port = server.sockets[0].getsockname()[1]
        yield running
        for writer in running.present:
            writer.transport.abort()  # a test that fails ends all the same


async def send_until_full(visitor: socket.socket) -> None:
    """Send for as long as anything is taken, and read nothing."""
    loop, patience = asyncio.get_running_loop(), 0.5
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(patience):
                await loop.sock_sendall(visitor, BLOCK)


async def test_a_target_that_waits_for_a_reader_is_let_go_when_that_one_leaves(
    house: House, token: str, echo: Echo
) -> None:
    client = await house.tcp_tunnel(token, acceptor=tcp_acceptor(Address(LOOPBACK, echo.port)))
    with socket.create_connection((LOOPBACK, client.public_port)) as visitor:
        visitor.setblocking(False)
        await send_until_full(visitor)
        assert len(echo.present) == 1
    await until(lambda: not echo.present)


async def test_a_visitor_who_takes_nothing_of_what_is_left_is_reset(
    house: House, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parting, "PARTING_SECONDS", 0.1)
    acceptor = Acceptor()
    client = await house.tcp_tunnel(token, acceptor=acceptor)
    with socket.create_connection((LOOPBACK, client.public_port)) as visitor:
        await until(lambda: acceptor.protocols and acceptor.protocols[0].transport)
        (far,) = acceptor.protocols
        assert far.transport
        far.transport.write(200 * BLOCK)
        (slot,) = served(house, client)._channels.values()
        await until(lambda: not slot.channel.is_reading())
        far.transport.abort()
        await until(lambda: visitor.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


def served(house: House, client: Client) -> Any:
    """Return the server's end of a client's connection."""
    return house.tunnel((TunnelKind.TCP, client.public_port)).connection
