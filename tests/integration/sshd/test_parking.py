"""Requests for a tunnel that was lost, or taken over, go to the one that comes after it."""

from __future__ import annotations

import asyncio

import pytest

from pgrok.address import Address
from pgrok.protocol import Hint, TunnelKind
from pgrok.server.proxy.parking import MAX_PARKED_OF_NAME
from pgrok.server.sshd import listener
from support.conditions import until
from support.house import Application, Client, House, get, ok, open_house

ONE = "1" * 32
BOB = (TunnelKind.HTTP, "bob")
SOON = 5.0
"""Seconds: half of what requests are let wait."""

Instances = pytest.mark.parametrize("instance", [None, ONE], ids=["not ours", "ours"])


class Serving:
    """Answers with its tunnel's number, and notes on which ports visitors came."""

    def __init__(self, number: int) -> None:
        self.client: Client | None = None
        self.ports: list[int | None] = []
        self._number = number

    def __call__(self, _: Address) -> Application:
        self.ports.append(self.client.port if self.client else None)
        return Application(lambda _: ok(b"%d" % self._number))


async def tunnel(
    house: House, token: str, number: int, instance: str | None
) -> tuple[Client, Serving]:
    """Return a client that is the `number`th, and what it serves."""
    serving = Serving(number)
    client = await house.connect(token, serving)
    serving.client = client
    await client.open(Hint(TunnelKind.HTTP, instance, number))
    assert client.label == "bob"
    return client, serving


async def ask(house: House) -> bytes:
    async with asyncio.timeout(SOON):
        head, body = await get(house.settings.proxy.port, "bob.localhost")
    return body if " 200 " in head.splitlines()[0] else head.encode()


class TestTakenOver:
    """A holder fell silent, and somebody displaced it."""

    @Instances
    async def test_what_it_never_answered_its_successor_does(
        self, instance: str | None, house: House, token: str
    ) -> None:
        ghost, _ = await tunnel(house, token, 1, instance)
        assert await ask(house) == b"1"
        ghost.stop()
        pool = house.tunnel(BOB).pool
        assert pool is not None
        visits = [asyncio.ensure_future(ask(house)) for _ in range(3)]
        await until(lambda: pool.open_connections == len(visits))
        _, serving = await tunnel(house, token, 2, instance)
        assert await asyncio.gather(*visits) == [b"2"] * 3
        assert instance or all(serving.ports), "a channel came before the answer to its forward"

    async def test_its_end_makes_nobody_wait(self, house: House, token: str) -> None:
        ghost, _ = await tunnel(house, token, 1, ONE)
        ghost.stop()
        served = house.tunnel(BOB).connection
        newcomer, _ = await tunnel(house, token, 2, ONE)
        ghost.connection.abort()
        await until(lambda: served._client is None)  # type: ignore[attr-defined]
        newcomer.connection.say_goodbye("the client ends")
        await until(lambda: house.daemon.registry.find(BOB) is None)
        assert b"no-tunnel" in await ask(house)


class TestLost:
    @Instances
    async def test_who_comes_meanwhile_waits_for_the_next(
        self, instance: str | None, house: House, token: str
    ) -> None:
        lost, _ = await tunnel(house, token, 1, instance)
        lost.connection.abort()
        await until(lambda: house.daemon.registry.find(BOB) is None)
        visit = asyncio.ensure_future(ask(house))
        _, serving = await tunnel(house, token, 2, instance)
        assert await visit == b"2"
        assert instance or all(serving.ports), "a channel came before the answer to its forward"

    async def test_only_so_many_may_wait(self, house: House, token: str) -> None:
        lost, _ = await tunnel(house, token, 1, ONE)
        lost.connection.abort()
        await until(lambda: house.daemon.registry.find(BOB) is None)
        visits = [asyncio.ensure_future(ask(house)) for _ in range(MAX_PARKED_OF_NAME + 1)]
        await until(lambda: any(visit.done() for visit in visits))
        await tunnel(house, token, 2, ONE)
        answers = await asyncio.gather(*visits)
        (refused,) = [answer for answer in answers if answer != b"2"]
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nX-Pgrok-Error: parking-full\r\n" in refused
        assert b"\r\nRetry-After: 1\r\n" in refused

    async def test_nobody_waits_for_one_that_said_goodbye(self, house: House, token: str) -> None:
        client, _ = await tunnel(house, token, 1, None)
        client.connection.say_goodbye("the client ends")
        await until(lambda: house.daemon.registry.find(BOB) is None)
        assert b"no-tunnel" in await ask(house)

    async def test_nobody_waits_for_one_that_was_cancelled(self, house: House, token: str) -> None:
        client, _ = await tunnel(house, token, 1, None)
        cancelled = b"\0\0\0\x070.0.0.0" + client.port.to_bytes(4, "big")
        await client.connection._make_global_request(b"cancel-tcpip-forward", cancelled)
        assert b"no-tunnel" in await ask(house)

    async def test_nobody_waits_for_one_whose_token_was_revoked(
        self, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listener, "WATCH_SECONDS", 0.05)
        async with open_house(database) as house:
            await self.revoke(house)

    async def revoke(self, house: House) -> None:
        person, token = await house.person("bob")
        await tunnel(house, token, 1, None)
        (row,) = await house.daemon.store.tokens.active(person.id)
        await house.daemon.store.tokens.revoke(row.id)
        await until(lambda: house.daemon.registry.find(BOB) is None)
        assert b"no-tunnel" in await ask(house)
