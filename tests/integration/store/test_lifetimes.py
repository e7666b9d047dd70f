"""What is kept holds for as long as the settings say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from pgrok.server.settings import LifetimeSettings
from pgrok.server.store import Store
from support.clock import FakeClock

LIFETIMES = LifetimeSettings(session_days=1, sign_in_link_minutes=2, removed_name_days=3)
MOMENT = timedelta(seconds=1)


@pytest.fixture
async def brief(url: str, clock: FakeClock) -> AsyncIterator[Store]:
    opened = await Store.open(url, clock=clock, lifetimes=LIFETIMES)
    yield opened
    await opened.close()


async def test_a_session(brief: Store, clock: FakeClock) -> None:
    bob = await brief.people.add("bob", "Bob")
    raw_id = await brief.web_sessions.create(bob.id)
    clock.advance(timedelta(days=1) - MOMENT)
    assert await brief.web_sessions.get(raw_id) is not None
    clock.advance(MOMENT)
    assert await brief.web_sessions.get(raw_id) is None


async def test_a_sign_in_link(brief: Store, clock: FakeClock) -> None:
    bob = await brief.people.add("bob", "Bob")
    early, late = [await brief.sign_ins.issue_link(bob.id) for _ in range(2)]
    clock.advance(timedelta(minutes=2) - MOMENT)
    assert await brief.sign_ins.take_link(early) == bob.id
    clock.advance(MOMENT)
    assert await brief.sign_ins.take_link(late) is None


async def test_a_removed_name(brief: Store, clock: FakeClock) -> None:
    await brief.people.remove((await brief.people.add("bob@a.example", "Bob")).id)
    clock.advance(timedelta(days=3) - MOMENT)
    assert (await brief.people.add("bob@b.example", "Bob B")).name == "bob-2"
    clock.advance(MOMENT)
    assert (await brief.people.add("bob@c.example", "Bob C")).name == "bob"
