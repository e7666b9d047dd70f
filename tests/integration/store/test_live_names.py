from __future__ import annotations

from datetime import timedelta

from pgrok.server.store import Store
from pgrok.server.store.live_names import EXPECTED_SECONDS
from support.clock import FakeClock


async def test_names_are_left_to_the_next_daemon_once(store: Store) -> None:
    await store.live_names.leave(["bob", "alice"])
    assert await store.live_names.take() == ["alice", "bob"]
    assert await store.live_names.take() == []


async def test_only_those_of_the_last_daemon(store: Store) -> None:
    await store.live_names.leave(["alice"])
    await store.live_names.leave(["bob"])
    assert await store.live_names.take() == ["bob"]
    await store.live_names.leave([])
    assert await store.live_names.take() == []


async def test_nobody_waits_for_a_daemon_that_was_long_gone(store: Store, clock: FakeClock) -> None:
    await store.live_names.leave(["alice"])
    clock.advance(timedelta(seconds=EXPECTED_SECONDS + 1))
    assert await store.live_names.take() == []
