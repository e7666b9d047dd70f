from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select, update

from pgrok.server.store import Person, Store, tables
from pgrok.server.store.records import hashed
from support.clock import FakeClock


async def rows(store: Store) -> int:
    async with store._database.reading() as connection:
        query = select(func.count()).select_from(tables.web_sessions)
        return int((await connection.execute(query)).scalar_one())


async def test_a_session_is_found_by_its_id_until_it_is_deleted(store: Store, bob: Person) -> None:
    raw_id = await store.web_sessions.create(bob.id)
    session = await store.web_sessions.get(raw_id)
    assert session is not None
    assert (session.person_id, session.id_hash) == (bob.id, hashed(raw_id))
    await store.web_sessions.delete(raw_id)
    assert await store.web_sessions.get(raw_id) is None


async def test_a_session_may_have_no_person_yet(store: Store) -> None:
    session = await store.web_sessions.get(await store.web_sessions.create(None))
    assert session is not None
    assert session.person_id is None


async def test_unknown_ids_have_no_session(store: Store) -> None:
    for raw_id in ("", "x", "\ud800"):
        assert await store.web_sessions.get(raw_id) is None
        assert await store.web_sessions.kept_token(raw_id) is None


async def test_sessions_expire_and_go(store: Store, bob: Person, clock: FakeClock) -> None:
    anonymous = await store.web_sessions.create(None)
    signed_in = await store.web_sessions.create(bob.id)
    clock.advance(timedelta(hours=1))
    assert await store.web_sessions.get(anonymous) is None
    assert await store.web_sessions.get(signed_in) is not None
    clock.advance(timedelta(days=30))
    assert await store.web_sessions.get(signed_in) is None
    await store.web_sessions.create(None)
    assert await rows(store) == 1


async def test_a_kept_token_is_shown_in_its_session_for_ten_minutes(
    store: Store, bob: Person, clock: FakeClock
) -> None:
    raw_id, other = [await store.web_sessions.create(bob.id) for _ in range(2)]
    await store.web_sessions.keep_token(raw_id, "pgrok_secret")
    assert await store.web_sessions.kept_token(raw_id) == "pgrok_secret"
    assert await store.web_sessions.kept_token(other) is None
    clock.advance(timedelta(minutes=10))
    assert await store.web_sessions.kept_token(raw_id) is None


async def test_a_kept_token_cannot_be_read_from_the_database(
    store: Store, bob: Person, clock: FakeClock
) -> None:
    raw_id = await store.web_sessions.create(bob.id)
    await store.web_sessions.keep_token(raw_id, "pgrok_secret")
    async with store._database.reading() as connection:
        assert "secret" not in repr((await connection.execute(select(tables.web_sessions))).one())
    clock.advance(timedelta(minutes=10))
    await store.web_sessions.create(None)
    async with store._database.reading() as connection:
        kept = (await connection.execute(select(tables.web_sessions.c.kept_token))).scalars()
        assert set(kept) == {None}


async def test_a_kept_token_moved_to_another_session_is_not_shown(
    store: Store, bob: Person
) -> None:
    raw_id, other = [await store.web_sessions.create(bob.id) for _ in range(2)]
    await store.web_sessions.keep_token(raw_id, "pgrok_secret")
    sessions = tables.web_sessions
    async with store._database.writing() as connection:
        sealed = select(sessions.c.kept_token).where(sessions.c.id_hash == hashed(raw_id))
        kept = (await connection.execute(sealed)).scalar_one()
        await connection.execute(
            update(sessions)
            .where(sessions.c.id_hash == hashed(other))
            .values(kept_token=kept, kept_until=store.web_sessions._clock() + timedelta(minutes=1))
        )
    assert await store.web_sessions.kept_token(other) is None
