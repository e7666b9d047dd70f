"""Visitors who end their direction, wait for something that does not come, and vanish."""

from __future__ import annotations

import socket

import pytest

from pgrok.protocol import TunnelKind
from pgrok.relay import half_open
from pgrok.relay.downstream import MAX_READ_AHEAD
from pgrok.relay.half_open import HalfOpenWatch
from pgrok.transport.window import INITIAL_WINDOW
from support.conditions import until
from support.house import House, reset
from support.transport import Acceptor

EVENTS = b"GET / HTTP/1.1\r\nHost: bob.localhost\r\n\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half_open, "LOOK_SECONDS", 0.05)


@pytest.mark.parametrize("begun", [True, False], ids=["a silent stream", "a silent application"])
async def test_who_vanishes_from_http_is_missed(house: House, token: str, begun: bool) -> None:
    acceptor = Acceptor()
    await house.http(token, acceptor=acceptor)
    visitor = await house.visit(house.settings.proxy.port)
    visitor.socket.write(EVENTS)
    visitor.socket.write_eof()
    await until(lambda: acceptor.protocols and acceptor.protocols[0].data.endswith(b"\r\n\r\n"))
    (far,) = acceptor.protocols
    if begun:
        assert far.transport
        far.transport.write(STREAM + b"3\r\nabc\r\n")
        await until(lambda: visitor.data.endswith(b"abc\r\n"))
    reset(visitor.socket)
    await until(lambda: "lost" in far.events)


async def test_who_vanishes_from_tcp_is_missed(house: House, token: str) -> None:
    acceptor = Acceptor()
    client = await house.tcp_tunnel(token, acceptor=acceptor)
    visitor = await house.visit(client.public_port)
    visitor.socket.write(b"question")
    visitor.socket.write_eof()
    await until(lambda: acceptor.protocols and "eof" in acceptor.protocols[0].events)
    reset(visitor.socket)
    await until(lambda: "lost" in acceptor.protocols[0].events)


async def test_who_vanishes_from_a_websocket_is_missed(house: House, token: str) -> None:
    acceptor = Acceptor()
    await house.http(token, acceptor=acceptor)
    visitor = await house.visit(house.settings.proxy.port)
    visitor.socket.write(EVENTS.replace(b"\r\n\r\n", b"\r\n" + UPGRADE))
    await until(lambda: acceptor.protocols and acceptor.protocols[0].data.endswith(b"\r\n\r\n"))
    (far,) = acceptor.protocols
    assert far.transport
    far.transport.write(b"HTTP/1.1 101 Switching Protocols\r\n" + UPGRADE)
    await until(lambda: visitor.data.endswith(b"\r\n\r\n"))
    visitor.socket.write_eof()
    await until(lambda: "eof" in far.events)
    reset(visitor.socket)
    await until(lambda: "lost" in far.events)


async def test_who_vanishes_behind_requests_that_wait_is_missed(house: House, token: str) -> None:
    acceptor = Acceptor()
    await house.http(token, acceptor=acceptor)
    visitor = await house.visit(house.settings.proxy.port)
    visitor.socket.write(EVENTS)
    await until(lambda: acceptor.protocols and acceptor.protocols[0].data.endswith(b"\r\n\r\n"))
    (far,) = acceptor.protocols
    assert far.transport
    far.transport.write(STREAM + b"3\r\nabc\r\n")
    await until(lambda: visitor.data.endswith(b"abc\r\n"))
    # More than is read ahead: the socket is left alone from now on.
    visitor.socket.write(EVENTS * (4 * MAX_READ_AHEAD // len(EVENTS)))
    await until(lambda: visitor.socket.get_write_buffer_size() == 0)
    reset(visitor.socket)
    await until(lambda: "lost" in far.events)


async def test_who_vanishes_while_nobody_reads_is_missed(house: House, token: str) -> None:
    acceptor = Acceptor()
    client = await house.tcp_tunnel(token, acceptor=acceptor)
    visitor = await house.visit(client.public_port)
    await until(lambda: acceptor.protocols and acceptor.protocols[0].transport)
    (far,) = acceptor.protocols
    assert far.transport
    far.transport.pause_reading()
    visitor.socket.write(bytes(16 << 20))
    connection = house.tunnel((TunnelKind.TCP, client.public_port)).connection
    await until(lambda: connection.octets_sent == INITIAL_WINDOW)
    reset(visitor.socket)
    await until(lambda: connection.channels == 0)


async def test_who_only_waits_is_not_taken_for_gone(
    house: House, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[HalfOpenWatch] = []
    look = HalfOpenWatch._look

    def noted(watch: HalfOpenWatch, tcp: socket.socket) -> None:
        looks.append(watch)
        look(watch, tcp)

    monkeypatch.setattr(HalfOpenWatch, "_look", noted)
    acceptor = Acceptor()
    client = await house.tcp_tunnel(token, acceptor=acceptor)
    visitor = await house.visit(client.public_port)
    visitor.socket.write_eof()
    await until(lambda: len(looks) > 2)
    (far,) = acceptor.protocols
    assert far.transport
    far.transport.write(b"late answer")
    far.transport.write_eof()
    await until(lambda: "eof" in visitor.events)
    assert visitor.data == b"late answer"
