"""Who gets which public TCP port, and what becomes of the listening socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from pgrok.errors import ConnectionLost, Replaced, StoreUnavailable, TunnelRefused
from pgrok.protocol import Hint, TunnelKind
from pgrok.server import rooms
from pgrok.server.proxy import tcp
from pgrok.server.sshd.opening import Opening
from support.conditions import until
from support.house import Client, House, open_house
from support.ports import LOOPBACK, is_free
from support.transport import Acceptor

ONE, OTHER = "1" * 32, "2" * 32

ROUNDS = 12
"""Ports drawn one after another: by chance they spare one of three once in a hundred times."""


@pytest.fixture
async def small_house(database: str) -> AsyncIterator[House]:
    """One with two ports."""
    async with open_house(database, ports=2) as opened:
        yield opened


async def serves(house: House, client: Client) -> bool:
    """Whether a visitor of its port comes through to this client."""
    assert isinstance(client.acceptor, Acceptor)
    protocols = client.acceptor.protocols
    before = len(protocols)
    visitor = await house.visit(client.public_port)
    visitor.socket.write(b"hello")
    await until(lambda: visitor.events[-1] != "made" or len(protocols) > before)
    if len(protocols) == before:
        return False
    await until(lambda: protocols[-1].data == b"hello")
    return True


async def test_a_port_is_of_the_range_and_open(house: House, token: str) -> None:
    client = await house.tcp_tunnel(token)
    assert client.public_port in house.tcp
    assert client.port == client.public_port
    assert client.url == f"tcp://localhost:{client.port}"
    assert await serves(house, client)


async def test_a_person_gets_the_last_port_again(house: House, token: str) -> None:
    ports = set()
    for _ in range(4):
        client = await house.tcp_tunnel(token)
        ports.add(client.public_port)
        client.connection.abort()
        await until(lambda: len(house.daemon.registry) == 0)
        assert is_free(client.public_port)
    assert len(ports) == 1


async def test_a_second_tunnel_has_another_port_and_leaves_the_memory_alone(
    house: House, token: str
) -> None:
    person, _ = await house.person("eve")
    token = await house.daemon.store.tokens.issue(person.id, "x")
    first = await house.tcp_tunnel(token)
    second = await house.tcp_tunnel(token)
    assert first.public_port != second.public_port
    assert await serves(house, first)
    assert await serves(house, second)
    assert await house.daemon.store.ports.last(person.id) == first.public_port


async def test_a_port_that_another_program_has_is_passed_over(
    small_house: House, database: str
) -> None:
    person, token = await small_house.person("bob")
    taken = await asyncio.start_server(lambda *_: None, LOOPBACK, small_house.tcp[0])
    await small_house.daemon.store.ports.remember(person.id, small_house.tcp[0])
    async with taken:
        for instance in (None, ONE):
            client = await small_house.tcp_tunnel(token, instance)
            assert client.public_port == small_house.tcp[1]
            client.connection.abort()
            await until(lambda: len(small_house.daemon.registry) == 0)
            await small_house.daemon.store.ports.remember(person.id, small_house.tcp[0])


async def test_every_free_port_is_found(small_house: House) -> None:
    tokens = [(await small_house.person(name))[1] for name in ("bob", "eve", "max")]
    ports = {(await small_house.tcp_tunnel(token)).public_port for token in tokens[:2]}
    assert ports == set(small_house.tcp)
    with pytest.raises(TunnelRefused, match="no public port is free"):
        await small_house.tcp_tunnel(tokens[2])
    assert len(small_house.daemon.registry) == 2


async def test_a_silent_holder_hands_its_socket_over(house: House, token: str) -> None:
    holder = await house.tcp_tunnel(token)
    port = house.tunnel((TunnelKind.TCP, holder.port)).port
    await until(lambda: house.tunnel((TunnelKind.TCP, holder.port)).connection.round_trip < 0.2)
    holder.stop()
    newcomer = await house.tcp_tunnel(token)
    assert newcomer.public_port == holder.public_port
    assert house.tunnel((TunnelKind.TCP, holder.port)).port is port
    assert await serves(house, newcomer)
    holder.go_on()
    with pytest.raises(Replaced):
        await holder.connection.wait_lost()
    assert await serves(house, newcomer)


async def test_a_returning_client_takes_its_socket_over_at_once(house: House, token: str) -> None:
    ghost = await house.tcp_tunnel(token, ONE, 1)
    port = house.tunnel((TunnelKind.TCP, ghost.port)).port
    ghost.stop()
    back = await house.tcp_tunnel(token, ONE, 2)
    assert house.tunnel((TunnelKind.TCP, back.port)).port is port
    assert await serves(house, back)


async def test_a_second_tunnel_of_ours_keeps_its_port(house: House, token: str) -> None:
    await house.tcp_tunnel(token, ONE)
    second = await house.tcp_tunnel(token, OTHER)
    second.connection.abort()
    await until(lambda: len(house.daemon.registry) == 1)
    assert (await house.tcp_tunnel(token, OTHER, 2)).public_port == second.public_port


async def test_an_http_tunnel_opens_no_port_and_leaves_the_memory_alone(
    house: House, token: str
) -> None:
    person, _ = await house.person("eve")
    token = await house.daemon.store.tokens.issue(person.id, "x")
    tcp_client = await house.tcp_tunnel(token)
    tcp_client.connection.abort()
    await until(lambda: len(house.daemon.registry) == 0)
    client = await house.http(token)
    assert house.tunnel((TunnelKind.HTTP, "eve")).port is None
    assert all(is_free(port) for port in house.tcp)
    assert client.port not in house.tcp
    assert await house.daemon.store.ports.last(person.id) == tcp_client.public_port


@pytest.fixture
async def house_of_four(database: str) -> AsyncIterator[House]:
    """One with four ports."""
    async with open_house(database, ports=4) as opened:
        yield opened


async def draw(house: House, token: str) -> set[int]:
    """Return what somebody's further tunnel gets, time after time."""
    drawn, there = set(), len(house.daemon.registry)
    for _ in range(ROUNDS):
        client = await house.tcp_tunnel(token)
        drawn.add(client.public_port)
        client.connection.abort()
        await until(lambda: len(house.daemon.registry) == there)
    return drawn


async def lose(house: House, *clients: Client) -> None:
    """Cut their connections, as a blip does."""
    left = len(house.daemon.registry) - len(clients)
    for client in clients:
        client.connection.abort()
    await until(lambda: len(house.daemon.registry) == left)


async def test_a_port_that_was_lost_is_kept_from_others_until_its_client_is_back(
    house_of_four: House,
) -> None:
    """Its visitors would be theirs, for good."""
    house = house_of_four
    (_, alice), (_, bob) = [await house.person(name) for name in ("alice", "bob")]
    first = await house.tcp_tunnel(alice)
    base, further = [await house.tcp_tunnel(bob, instance) for instance in (ONE, OTHER)]
    await lose(house, base, further)
    free = set(house.tcp) - {first.public_port, base.public_port, further.public_port}
    assert await draw(house, alice) == free
    assert (await house.tcp_tunnel(bob, OTHER, 2)).public_port == further.public_port
    assert (await house.tcp_tunnel(bob, ONE, 2)).public_port == base.public_port


async def test_a_port_that_somebody_else_had_last_is_kept_for_them_while_others_are_free(
    house_of_four: House,
) -> None:
    """Their client is not ours: nobody can tell that it may come back."""
    house = house_of_four
    (_, alice), (_, bob) = [await house.person(name) for name in ("alice", "bob")]
    _, his = await house.tcp_tunnel(alice), await house.tcp_tunnel(bob)
    await lose(house, his)
    assert his.public_port not in await draw(house, alice)
    assert (await house.tcp_tunnel(bob)).public_port == his.public_port


async def test_where_no_other_port_is_free_nobody_is_refused_for_one_who_may_come_back(
    small_house: House,
) -> None:
    (_, alice), (_, bob) = [await small_house.person(name) for name in ("alice", "bob")]
    his = await small_house.tcp_tunnel(bob, ONE)
    await lose(small_house, his)
    ports = [(await small_house.tcp_tunnel(alice)).public_port for _ in range(2)]
    assert ports == [*(set(small_house.tcp) - {his.public_port}), his.public_port]
    with pytest.raises(TunnelRefused, match="no public port is free"):
        await small_house.tcp_tunnel(bob, ONE, 2)


class Gate:
    """Opens ports when it is told to."""

    def __init__(self) -> None:
        self.opened: list[tcp.PublicPort] = []
        self.asked = 0
        self.go = asyncio.Event()

    async def __call__(self, *where: Any) -> tcp.PublicPort:
        self.asked += 1
        await self.go.wait()
        self.opened.append(await tcp.open_port(*where))
        return self.opened[-1]


async def test_a_client_lost_while_its_port_is_opened_leaves_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    monkeypatch.setattr(rooms, "open_port", gate)
    async with open_house(database) as house:
        _, token = await house.person("bob")
        opening = asyncio.ensure_future(house.tcp_tunnel(token))
        await until(lambda: gate.asked)
        house.clients[0].connection.abort()
        with pytest.raises(ConnectionLost):
            await opening
        await until(lambda: len(house.daemon.registry) == 0)
        gate.go.set()
        await until(lambda: gate.opened)
        await until(lambda: all(is_free(port) for port in house.tcp))


async def test_no_visitor_comes_before_the_client_knows_its_port(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Go's client would refuse the channel."""
    remembering, go = asyncio.Event(), asyncio.Event()
    remember = Opening._remember_port

    async def late(*arguments: object) -> None:
        remembering.set()
        await go.wait()
        await partial(remember, *arguments)()  # type: ignore[arg-type]

    monkeypatch.setattr(Opening, "_remember_port", late)
    async with open_house(database, ports=1) as house:
        _, token = await house.person("bob")
        opening = asyncio.ensure_future(house.tcp_tunnel(token))
        await remembering.wait()
        visitor = await house.visit(house.tcp[0])
        await until(lambda: visitor.events[-1] != "made")
        go.set()
        client = await opening
        assert isinstance(client.acceptor, Acceptor)
        assert client.acceptor.protocols == []
        assert await serves(house, client)


@pytest.mark.parametrize("query", ["last", "lasts_of_others"])
async def test_while_the_database_is_away_ports_are_refused_in_words_for_clients(
    query: str, house: House, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: int) -> int:
        raise StoreUnavailable("host=db password=secret")

    monkeypatch.setattr(house.daemon.store.ports, query, away)
    with pytest.raises(TunnelRefused, match="cannot look up ports right now; try again") as error:
        await house.tcp_tunnel(token)
    assert "secret" not in str(error.value)


async def test_a_client_lost_while_its_port_is_noted_leaves_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembering, go = asyncio.Event(), asyncio.Event()

    async def late(*_: object) -> None:
        remembering.set()
        await go.wait()

    monkeypatch.setattr(Opening, "_remember_port", late)
    async with open_house(database) as house:
        _, token = await house.person("bob")
        opening = asyncio.ensure_future(house.tcp_tunnel(token))
        await remembering.wait()
        house.clients[0].connection.abort()
        with pytest.raises(ConnectionLost):
            await opening
        await until(lambda: len(house.daemon.registry) == 0)
        go.set()
        await until(lambda: all(is_free(port) for port in house.tcp))


async def test_a_port_may_be_asked_for_by_number_only_if_it_is_zero(
    house: House, token: str
) -> None:
    client = await house.connect(token)
    _, packet = await client.connection._make_global_request(
        b"tcpip-forward", b"\0\0\0\x070.0.0.0\0\0\0\x50"
    )
    assert b"ask for port 0 instead of 80" in packet.get_remaining_payload()
    await client.open(Hint(TunnelKind.TCP))
