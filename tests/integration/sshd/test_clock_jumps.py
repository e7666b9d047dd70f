"""A clock that jumps: tokens end when it says so, and nothing else takes notice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.alarms import raised_alarms
from support.clock import FakeClock
from support.conditions import until
from support.house import Client, House, application, get, ok, open_house

YEARS = timedelta(days=3650)
AS_EVER = application(lambda _: ok(b"as ever"))


async def works(house: House, client: Client) -> None:
    _, body = await get(house.settings.proxy.port, f"{client.label}.localhost")
    assert body == b"as ever"


@pytest.mark.parametrize("jumps", [[YEARS], [-YEARS], [YEARS, -2 * YEARS, YEARS]])
async def test_a_clock_that_jumps(
    jumps: list[timedelta], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pgrok.server.sshd.listener.WATCH_SECONDS", 0.02)
    clock = FakeClock()
    with raised_alarms() as alarms:
        async with open_house(database, clock=clock) as house:
            alice, lasting = await house.person("alice")
            bob, _ = await house.person("bob")
            tokens = house.daemon.store.tokens
            ending = await tokens.issue(bob.id, "ends", clock() + timedelta(hours=1))
            client = await house.http(lasting, acceptor=AS_EVER)
            ends = await house.http(ending, acceptor=AS_EVER)
            for number, jump in enumerate(jumps):
                clock.advance(jump)
                if number == 0 and jump > timedelta():
                    await until(ends.connection.is_closed, "its token has ended")
                await works(house, client)
                await works(house, await house.http(lasting, acceptor=AS_EVER))
                assert [token.label for token in await tokens.active(alice.id)] == ["test"]
            assert not client.connection.is_closed()
    alarms.check()
