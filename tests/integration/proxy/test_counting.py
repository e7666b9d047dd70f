"""What is counted and noted while a whole daemon serves."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from pgrok.errors import TokenRefused, TunnelRefused
from pgrok.server.decisions import Event
from support.conditions import until
from support.house import House, application, get, ok
from support.ports import LOOPBACK


async def test_requests_are_counted_by_what_came_of_them(house: House, token: str) -> None:
    observer = house.daemon.observer
    await house.http(token, acceptor=application(lambda _: ok(b"x" * 1000)))
    port = house.settings.proxy.port
    for _ in range(3):
        await get(port, "bob.localhost")
    await get(port, "nobody.localhost")
    await get(port, "bob.localhost", "Content-Length: x")
    counts = observer.counts
    assert sum(counts.requests[200:300]) == 3
    assert sum(counts.requests[500:]) == 1
    assert sum(counts.latencies.counts) == 4
    assert counts.visitors["http"] == 5
    assert observer.decisions.refusals == {
        (Event.REQUEST, "no-tunnel"): 1,
        (Event.REQUEST, "bad-request"): 1,
    }


async def test_octets_of_all_channels_count_also_when_they_are_gone(
    house: House, token: str
) -> None:
    client = await house.http(token, acceptor=application(lambda _: ok(b"x" * 1000)))
    await get(house.settings.proxy.port, "bob.localhost")
    connection = house.tunnel(("http", "bob")).connection  # type: ignore[arg-type]
    received, sent = connection.octets_received, connection.octets_sent
    assert received > 1000
    assert 0 < sent < 1000
    client.connection.abort()
    counts = house.daemon.observer.counts
    await until(lambda: counts.octets_to_visitors == received)
    assert counts.octets_to_clients == sent


async def test_handshakes_are_counted_by_what_came_of_them(house: House, token: str) -> None:
    await house.connect(token)
    with pytest.raises(TokenRefused), capture_logs() as lines:
        await house.connect("pgrok_wrong")
    _, writer = await asyncio.open_connection(LOOPBACK, house.ssh.port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n" * 10)
    counts = house.daemon.observer.counts
    await until(lambda: counts.handshakes.total() == 3)
    assert counts.handshakes["done"] == 1
    assert counts.handshakes["token refused"] == 1
    assert counts.handshakes["protocol error"] == 1
    (line,) = [line for line in lines if line["event"] == "token refused"]
    assert line["reason"] == "unknown"
    assert "pgrok_wrong" not in str(lines)
    writer.close()


async def test_a_refused_tunnel_is_noted(house: House, token: str) -> None:
    client = await house.connect(token)
    with pytest.raises(TunnelRefused):
        await client.connection.request("tcpip-forward", b"\0\0\0\x091.2.3.4.5\0\0\0\x50")
    refusals = house.daemon.observer.decisions.refusals
    assert refusals[Event.TUNNEL, "fixed port"] == 1


async def test_visitors_of_public_ports_are_seen(house: House, token: str) -> None:
    client = await house.tcp_tunnel(token)
    visitor = await house.visit(client.public_port)
    counts = house.daemon.observer.counts
    await until(lambda: counts.visitors["tcp"] == 1)
    assert visitor.socket
