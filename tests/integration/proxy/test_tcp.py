"""Public TCP ports: visitors' sockets coupled with channels of a client."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from pgrok.address import Address
from pgrok.protocol import TunnelKind
from pgrok.server.proxy.tcp import PublicPort
from pgrok.server.settings import LimitSettings
from support.channels import Noting
from support.conditions import steps, until
from support.house import Client, House, Visitor, open_house, reset
from support.payload import digest, payload
from support.ports import is_free
from support.transport import Acceptor

MIB = 1 << 20


@dataclass
class Place:
    """A client with a port, and what becomes of its visitors."""

    house: House
    client: Client
    acceptor: Acceptor

    async def visit(self) -> Visitor:
        return await self.house.visit(self.client.public_port)

    async def coupled(self) -> tuple[Visitor, Noting, asyncio.Transport]:
        """Return a visitor, the other end of his channel, and its transport."""
        protocols = self.acceptor.protocols
        before = len(protocols)
        visitor = await self.visit()
        await until(lambda: len(protocols) > before and protocols[-1].transport)
        far = protocols[-1]
        assert far.transport
        return visitor, far, far.transport


async def place_in(house: House) -> Place:
    _, token = await house.person("bob")
    acceptor = Acceptor()
    return Place(house, await house.tcp_tunnel(token, acceptor=acceptor), acceptor)


@pytest.fixture
async def place(house: House) -> Place:
    return await place_in(house)


async def test_the_client_learns_the_visitors_address(place: Place) -> None:
    visitor, _, _ = await place.coupled()
    assert place.acceptor.originators == [Address(*visitor.socket.get_extra_info("sockname"))]


async def test_the_visitor_may_end_first(place: Place) -> None:
    visitor, far, channel = await place.coupled()
    visitor.socket.write(b"question")
    visitor.socket.write_eof()
    await until(lambda: far.events[-1] == "eof")
    channel.write(b"answer to " + far.data)
    channel.write_eof()
    await until(lambda: "eof" in visitor.events)
    assert visitor.data == b"answer to question"
    visitor.socket.close()
    await until(lambda: far.events[-1] == "lost")
    assert far.error is None


async def test_the_target_may_end_first(place: Place) -> None:
    visitor, far, channel = await place.coupled()
    channel.write(b"all there is")
    channel.write_eof()
    await until(lambda: "eof" in visitor.events)
    assert visitor.data == b"all there is"
    visitor.socket.write(b"thanks")
    visitor.socket.close()
    await until(lambda: far.events[-1] == "lost")
    assert far.data == b"thanks"
    assert far.error is None


async def test_the_target_may_speak_first(place: Place) -> None:
    visitor, _, channel = await place.coupled()
    channel.write(b"220 ready")
    await until(lambda: visitor.data == b"220 ready")


async def test_what_a_visitor_says_at_once_is_kept(place: Place) -> None:
    visitor = await place.visit()
    visitor.socket.write(b"early")
    visitor.socket.write_eof()
    await until(lambda: place.acceptor.protocols and "eof" in place.acceptor.protocols[0].events)
    assert place.acceptor.protocols[0].data == b"early"


@pytest.mark.parametrize("upwards", [True, False])
async def test_who_does_not_read_stops_who_writes_and_nobody_else(
    upwards: bool, place: Place
) -> None:
    visitor, far, channel = await place.coupled()
    reader, writer = (far, visitor.socket) if upwards else (visitor, channel)
    pausing = visitor if upwards else far
    assert reader.transport
    reader.transport.pause_reading()
    data, sent = payload(64 * MIB), 0
    while "pause" not in pausing.events:
        writer.write(data[sent : sent + 65536])
        sent += 65536
        await steps(3)
        assert sent < len(data), "nothing stops the writer"
    other, other_far, _ = await place.coupled()
    other.socket.write(b"through")
    await until(lambda: other_far.data == b"through")
    writer.write_eof()
    reader.transport.resume_reading()
    await until(lambda: "eof" in reader.events)
    assert digest([bytes(reader.data)]) == digest([data[:sent]])


async def test_a_visitor_who_vanishes_ends_the_channel(place: Place) -> None:
    visitor, far, _ = await place.coupled()
    reset(visitor.socket)
    await until(lambda: far.events[-1] == "lost")


async def test_a_client_that_refuses_ends_the_visit(place: Place) -> None:
    place.client.connection._accept = None
    visitor = await place.visit()
    await until(lambda: "eof" in visitor.events or "lost" in visitor.events)
    assert place.acceptor.protocols == []


async def test_who_comes_as_the_port_closes_is_reset(place: Place) -> None:
    port = place.house.tunnel((TunnelKind.TCP, place.client.public_port)).port
    assert isinstance(port, PublicPort)
    port.open_channel = None
    visitor = await place.visit()
    await until(lambda: visitor.events[-1] == "lost")
    assert isinstance(visitor.error, ConnectionResetError)


@pytest.mark.parametrize("end", ["close", "abort"])
async def test_a_target_that_closes_ends_the_visit(end: str, place: Place) -> None:
    visitor, _, channel = await place.coupled()
    channel.write(b"last")
    getattr(channel, end)()
    await until(lambda: "eof" in visitor.events or "lost" in visitor.events)
    assert visitor.data == b"last"


async def test_a_lost_client_ends_every_visit_with_a_reset(place: Place) -> None:
    visitors = [(await place.coupled())[0] for _ in range(3)]
    place.client.connection.abort()
    await until(lambda: all(visitor.events[-1] == "lost" for visitor in visitors))
    assert all(isinstance(visitor.error, ConnectionResetError) for visitor in visitors)
    await until(lambda: is_free(place.client.public_port))


@pytest.mark.parametrize("who", ["client", "server"])
async def test_a_goodbye_is_no_end_of_the_data(who: str, place: Place) -> None:
    visitor, _, channel = await place.coupled()
    channel.write(b"some of it")
    await until(lambda: visitor.data)
    place.client.stop()
    waiting = await place.visit()
    tunnel = place.house.tunnel((TunnelKind.TCP, place.client.public_port))
    await until(lambda: tunnel.connection.channels == 2)
    place.client.go_on()
    if who == "client":
        place.client.connection.say_goodbye("the client ends")
    else:
        tunnel.connection.end("replaced")
    await until(lambda: all(each.events[-1] == "lost" for each in (visitor, waiting)))
    assert isinstance(visitor.error, ConnectionResetError)
    assert isinstance(waiting.error, ConnectionResetError)


async def test_visits_outlive_the_tunnel(place: Place) -> None:
    visitor, far, channel = await place.coupled()
    await place.client.connection._make_global_request(
        b"cancel-tcpip-forward", b"\0\0\0\x070.0.0.0" + place.client.port.to_bytes(4, "big")
    )
    with pytest.raises(ConnectionRefusedError):
        await place.visit()
    visitor.socket.write(b"still here")
    await until(lambda: far.data == b"still here")
    channel.write(b"so am I")
    await until(lambda: visitor.data == b"so am I")


async def test_a_client_has_so_many_visitors_and_no_more(database: str) -> None:
    async with open_house(database, limits=LimitSettings(channels_per_connection=2)) as house:
        place = await place_in(house)
        first, _, _ = await place.coupled()
        await place.coupled()
        third = await place.visit()
        await until(lambda: third.events[-1] != "made")
        first.socket.abort()
        assert place.acceptor.protocols[0].transport
        place.acceptor.protocols[0].transport.close()
        await until(lambda: len(place.client.connection._channels) == 1)
        await place.coupled()


async def test_a_visitor_may_leave_before_the_channel_stands(place: Place) -> None:
    place.client.stop()
    for _ in range(5):
        reset((await place.visit()).socket)
    place.client.go_on()
    await until(lambda: len(place.acceptor.protocols) == 5)
    await until(lambda: all(far.events[-1] == "lost" for far in place.acceptor.protocols))
    _, far, _ = await place.coupled()
    assert far.events == ["made"]
