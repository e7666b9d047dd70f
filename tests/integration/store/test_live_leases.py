from __future__ import annotations

from datetime import timedelta

from pgrok.protocol import TunnelKind
from pgrok.server.registry import Claim
from pgrok.server.store import Store
from pgrok.server.store.live_leases import EXPECTED_SECONDS
from support.clock import FakeClock

ALICE = Claim((TunnelKind.HTTP, "alice"), 1, "0" * 32, 2**40)
BOB = Claim((TunnelKind.HTTP, "bob"), 2)
PORT = Claim((TunnelKind.TCP, 10_000), 2, "1" * 32, 1)


async def test_they_are_left_to_the_next_daemon_once(store: Store) -> None:
    await store.live_leases.leave([PORT, BOB, ALICE])
    assert await store.live_leases.take() == [ALICE, BOB, PORT]
    assert await store.live_leases.take() == []


async def test_only_those_of_the_last_daemon(store: Store) -> None:
    await store.live_leases.leave([ALICE])
    await store.live_leases.leave([BOB])
    assert await store.live_leases.take() == [BOB]
    await store.live_leases.leave([])
    assert await store.live_leases.take() == []


async def test_nobody_waits_for_a_daemon_that_was_long_gone(store: Store, clock: FakeClock) -> None:
    await store.live_leases.leave([ALICE])
    clock.advance(timedelta(seconds=EXPECTED_SECONDS + 1))
    assert await store.live_leases.take() == []
