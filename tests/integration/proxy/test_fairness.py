"""Too much of one is refused to that one: the others do not notice.

Floods are held by their applications, which answer when the test says so; so it is counted who is
answered, and nothing depends on time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from pgrok.server.settings import LimitSettings
from support.conditions import until
from support.house import Application, House, application, get, ok, open_house

MAX_OPEN = 10
FLOOD = 50


class Held(Application):
    """Answers all requests, of all channels, when the gate opens."""

    def __init__(self, waiting: list[Held]) -> None:
        super().__init__(lambda _: b"")
        self.all = waiting

    def data_received(self, data: bytes) -> None:
        self.all.append(self)

    def answer(self) -> None:
        assert self._transport
        self._transport.write(ok(b"at last"))


class Flood:
    """Requests for some hosts that are not answered before `end`."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.held: list[Held] = []
        self._requests: list[asyncio.Task[tuple[str, bytes]]] = []

    async def tunnel(self, token: str) -> str:
        """Open a tunnel to an application that holds requests; return its host."""
        client = await self.house.http(token, acceptor=lambda _: Held(self.held))
        return client.url.removeprefix("http://")

    def begin(self, host: str, *fields: str) -> None:
        port = self.house.settings.proxy.port
        self._requests += [asyncio.ensure_future(get(port, host, *fields)) for _ in range(FLOOD)]

    def refused(self) -> list[str]:
        """Return the heads of the answers that are there."""
        return [request.result()[0] for request in self._requests if request.done()]

    async def end(self) -> Counter[str]:
        """Let all be answered; return the statuses."""
        for held in self.held:
            held.answer()
        answers = await asyncio.gather(*self._requests)
        return Counter(head.split()[1] for head, _ in answers)


@pytest.fixture
async def house(database: str, limits: LimitSettings) -> AsyncIterator[House]:
    async with open_house(database, limits=limits) as opened:
        yield opened


@pytest.fixture
async def flood(house: House) -> AsyncIterator[Flood]:
    flood = Flood(house)
    yield flood
    with contextlib.suppress(OSError):
        await flood.end()


@pytest.fixture
async def bob(house: House, token: str) -> str:
    """The host of somebody who has done nothing."""
    client = await house.http(token, acceptor=application(lambda _: ok(b"here")))
    return client.url.removeprefix("http://")


async def served(house: House, host: str, *fields: str) -> Counter[str]:
    """Send as many requests as a flood has, at once, and return the statuses."""
    port = house.settings.proxy.port
    answers = await asyncio.gather(*(get(port, host, *fields) for _ in range(FLOOD)))
    return Counter(head.split()[1] for head, _ in answers)


@pytest.mark.parametrize("limits", [LimitSettings(requests_per_tunnel=MAX_OPEN)])
async def test_a_flooded_tunnel_costs_its_own_visitors(
    house: House, flood: Flood, bob: str
) -> None:
    alice = await flood.tunnel((await house.person("alice"))[1])
    flood.begin(alice)
    await until(lambda: len(flood.refused()) == FLOOD - MAX_OPEN)
    for head in flood.refused():
        assert head.startswith("HTTP/1.1 503")
        assert "X-Pgrok-Error: overloaded" in head
        assert "Retry-After: 1" in head
    for _ in range(3):
        assert (await get(house.settings.proxy.port, bob))[1] == b"here"
    await until(lambda: len(flood.held) == MAX_OPEN)
    assert await flood.end() == {"200": MAX_OPEN, "503": FLOOD - MAX_OPEN}


@pytest.mark.parametrize("limits", [LimitSettings(requests_per_person=MAX_OPEN)])
async def test_many_tunnels_of_one_person_share_what_she_may_have(
    house: House, flood: Flood, bob: str
) -> None:
    _, token = await house.person("alice")
    for host in [await flood.tunnel(token) for _ in range(3)]:
        flood.begin(host)
    await until(lambda: len(flood.refused()) == 3 * FLOOD - MAX_OPEN)
    for _ in range(3):
        assert (await get(house.settings.proxy.port, bob))[1] == b"here"
    await until(lambda: len(flood.held) == MAX_OPEN)
    assert await flood.end() == {"200": MAX_OPEN, "503": 3 * FLOOD - MAX_OPEN}


@pytest.mark.parametrize("limits", [LimitSettings(requests_per_address=MAX_OPEN)])
async def test_one_sender_behind_a_proxy_is_told_so_and_others_are_served(
    house: House, flood: Flood, bob: str
) -> None:
    alice = await flood.tunnel((await house.person("alice"))[1])
    flood.begin(alice, "X-Forwarded-For: 192.0.2.1")
    await until(lambda: len(flood.refused()) == FLOOD - MAX_OPEN)
    for head in flood.refused():
        assert head.startswith("HTTP/1.1 429")
        assert "X-Pgrok-Error: too-many-requests" in head
        assert "Retry-After: 1" in head
    # Nowhere has he a request left; somebody else has, also at the flooded tunnel.
    assert (await served(house, bob, "X-Forwarded-For: 192.0.2.1")) == {"429": FLOOD}
    head, _ = await get(house.settings.proxy.port, bob, "X-Forwarded-For: 192.0.2.2")
    assert head.startswith("HTTP/1.1 200")
    await until(lambda: len(flood.held) == MAX_OPEN)
    assert await flood.end() == {"200": MAX_OPEN, "429": FLOOD - MAX_OPEN}
    head, _ = await get(house.settings.proxy.port, bob, "X-Forwarded-For: 192.0.2.1")
    assert head.startswith("HTTP/1.1 200")
