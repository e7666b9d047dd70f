from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from pgrok.server.store import Person, Store, sign_ins
from support.clock import FakeClock


async def test_a_sign_in_is_taken_once_by_its_session(store: Store) -> None:
    await store.sign_ins.begin("state", "nonce", "verifier", "session", "/next")
    taken = await store.sign_ins.take("state")
    assert taken is not None
    assert (taken.state, taken.nonce, taken.verifier) == ("state", "nonce", "verifier")
    assert taken.return_path == "/next"
    assert taken.belongs_to("session")
    assert not taken.belongs_to("another")
    assert await store.sign_ins.take("state") is None


async def test_of_two_takers_at_once_one_gets_it(store: Store, second_store: Store) -> None:
    await store.sign_ins.begin("state", "nonce", "verifier", "session", "/")
    taken = await asyncio.gather(store.sign_ins.take("state"), second_store.sign_ins.take("state"))
    assert sorted(sign_in is None for sign_in in taken) == [False, True]


@pytest.mark.parametrize("text", ["", "unknown", "\x00", "\ud800"])
async def test_what_is_unknown_names_no_sign_in_and_no_link(store: Store, text: str) -> None:
    assert await store.sign_ins.take(text) is None
    assert await store.sign_ins.take_link(text) is None


async def test_a_sign_in_expires(store: Store, clock: FakeClock) -> None:
    await store.sign_ins.begin("state", "nonce", "verifier", "session", "/")
    clock.advance(timedelta(minutes=10))
    assert await store.sign_ins.take("state") is None


async def test_of_too_many_sign_ins_the_oldest_are_forgotten(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_ins, "MAX_UNDER_WAY", 20)
    for number in range(21):
        await store.sign_ins.begin(f"state {number}", "nonce", "verifier", "session", "/")
        clock.advance(timedelta(seconds=1))
    known = [await store.sign_ins.take(f"state {number}") for number in range(21)]
    assert [sign_in is not None for sign_in in known] == [False] * 3 + [True] * 18


async def test_a_link_signs_its_person_in_once(store: Store, bob: Person) -> None:
    link = await store.sign_ins.issue_link(bob.id)
    assert await store.sign_ins.take_link("wrong") is None
    assert await store.sign_ins.take_link(link) == bob.id
    assert await store.sign_ins.take_link(link) is None


async def test_a_link_expires(store: Store, bob: Person, clock: FakeClock) -> None:
    link = await store.sign_ins.issue_link(bob.id)
    clock.advance(timedelta(minutes=15))
    assert await store.sign_ins.take_link(link) is None
