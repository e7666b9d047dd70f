from __future__ import annotations

import re
from datetime import timedelta

from sqlalchemy import event, select

from pgrok.server.store import Login, Person, Store, tables
from pgrok.server.store.tokens import PREFIX
from support.clock import FakeClock


async def test_a_token_logs_its_person_in(store: Store, bob: Person) -> None:
    token = await store.tokens.issue(bob.id, "laptop")
    [listed] = await store.tokens.active(bob.id)
    assert await store.tokens.check(token) == Login(bob, listed.id, None)
    assert listed.label == "laptop"


async def test_a_token_has_a_prefix_and_160_bits_or_more(store: Store, bob: Person) -> None:
    token = await store.tokens.issue(bob.id, "laptop")
    assert re.fullmatch(r"pgrok_[0-9a-f]{40,}", token)
    assert token != await store.tokens.issue(bob.id, "laptop")


async def test_what_is_no_token_logs_nobody_in(store: Store, bob: Person) -> None:
    token = await store.tokens.issue(bob.id, "laptop")
    for wrong in (
        "",
        PREFIX,
        token[:-1],
        token + "0",
        token.upper(),
        "\x00",
        "\ud800",
        "x" * 10**6,
    ):
        assert await store.tokens.check(wrong) is None


async def test_only_the_hash_of_a_token_is_kept(store: Store, bob: Person) -> None:
    token = await store.tokens.issue(bob.id, "laptop")
    async with store._database.reading() as connection:
        row = (await connection.execute(select(tables.tokens))).one()
    assert token not in repr(row)
    assert token.removeprefix(PREFIX) not in repr(row)


async def test_a_token_check_is_one_query(store: Store, bob: Person) -> None:
    queries: list[str] = []
    engine = store._database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *args: queries.append(args[2]))
    await store.tokens.check("pgrok_unknown")
    assert len([query for query in queries if query.startswith("SELECT")]) == 1


async def test_a_token_ends_when_it_expires(store: Store, bob: Person, clock: FakeClock) -> None:
    expires = clock() + timedelta(days=1)
    token = await store.tokens.issue(bob.id, "short", expires)
    login = await store.tokens.check(token)
    assert login is not None
    assert login.expires_at == expires
    clock.advance(timedelta(days=1))
    assert await store.tokens.check(token) is None
    assert await store.tokens.active(bob.id) == []
    assert await store.tokens.valid([login.token_id]) == set()


async def test_a_token_of_somebody_who_was_removed_is_none(store: Store, bob: Person) -> None:
    """However it came about that it is not revoked."""
    await store.people.remove(bob.id)
    assert await store.tokens.check(await store.tokens.issue(bob.id, "late")) is None
    assert await store.tokens.active(bob.id) == []


async def test_revoking_ends_one_token_and_is_announced(store: Store, bob: Person) -> None:
    first = await store.tokens.issue(bob.id, "first")
    second = await store.tokens.issue(bob.id, "second")
    revoked, kept = await store.tokens.active(bob.id)
    before = await store.version()
    await store.tokens.revoke(revoked.id)
    assert await store.version() > before
    assert await store.tokens.check(first) is None
    assert await store.tokens.check(second) is not None
    assert await store.tokens.valid([revoked.id, kept.id, 99]) == {kept.id}


async def test_nothing_is_valid_of_nothing(store: Store) -> None:
    assert await store.tokens.valid([]) == set()


async def test_the_last_use_is_written_in_batches(
    store: Store, bob: Person, clock: FakeClock
) -> None:
    token = await store.tokens.issue(bob.id, "laptop")
    await store.tokens.check(token)
    clock.advance(timedelta(minutes=1))
    await store.tokens.check(token)
    assert [listed.last_used_at for listed in await store.tokens.active(bob.id)] == [None]
    await store.tokens.flush()
    await store.tokens.flush()
    assert [listed.last_used_at for listed in await store.tokens.active(bob.id)] == [clock()]


async def test_closing_writes_the_last_use(
    store: Store, second_store: Store, bob: Person, clock: FakeClock
) -> None:
    token = await store.tokens.issue(bob.id, "laptop")
    await second_store.tokens.check(token)
    await second_store.close()
    [listed] = await store.tokens.active(bob.id)
    assert listed.last_used_at == clock()
