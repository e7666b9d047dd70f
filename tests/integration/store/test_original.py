"""A database that the original pgrok left, as dumped from a real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from pgrok.errors import SignInRefused, StoreError
from pgrok.server.store import Person, Store
from support.clock import FakeClock
from support.postgres import PostgresServer

DUMP = Path(__file__).parents[2] / "fixtures" / "original-database.sql"
TOKEN = "7893871bd4f3a77b9ffe0c179fdf73b916ef5d10"
RSA = "SHA256:22mWrKCZ+gP8QgsYbJuPUrFw/5+5aDhvb7KWzJi6LhA"
ED25519 = "SHA256:Qab5kdMfI4MkdTMVLSjbcRCZsyTW+1v9MSAjuOooM+o"


@pytest.fixture
def original_url(postgres_server: PostgresServer) -> str:
    url = postgres_server.create_database()
    execute(url, DUMP.read_text())
    return url


@pytest.fixture
async def original(original_url: str, clock: FakeClock) -> AsyncIterator[Store]:
    store = await Store.open(original_url, clock=clock)
    yield store
    await store.close()


def execute(url: str, statements: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statements)


def contents(url: str) -> list[list[TupleRow]]:
    """Return every row of the original's three tables."""
    with psycopg.connect(url) as connection:
        return [
            connection.execute("SELECT * FROM public.principles ORDER BY id").fetchall(),
            connection.execute("SELECT * FROM public.host_keys ORDER BY algorithm").fetchall(),
            connection.execute("SELECT * FROM public.sessions ORDER BY key").fetchall(),
        ]


def sign_in_to_the_original(url: str, number: int, name: str, *, identifier: str = "") -> None:
    """Write what the original writes when somebody signs in."""
    execute(
        url,
        "INSERT INTO public.principles VALUES"
        f" ({number}, '{identifier or name + '@example.com'}', '{name}', 'token-{number}',"
        f" '{name}', NULL, now(), now())",
    )


async def reopened(url: str, clock: FakeClock) -> None:
    await (await Store.open(url, clock=clock)).close()


async def only(store: Store) -> Person:
    [person] = await store.people.all()
    return person


async def test_people_come_over_with_name_token_and_port(original: Store) -> None:
    person = await only(original)
    assert (person.name, person.display_name) == ("unknwon", "Joe Chen")
    assert person.created_at.isoformat() == "2026-11-23T03:19:39.764074+00:00"
    assert await original.people.by_identifier("unknwon@example.com") == person
    assert await original.ports.last(person.id) == 19518
    login = await original.tokens.check(TOKEN)
    assert login is not None
    assert login.person == person
    assert await original.taken_over() == 1


async def test_host_keys_come_over_and_the_same_ones_are_presented(original: Store) -> None:
    keys = await original.host_keys.all()
    preferred = {key.algorithm: key.fingerprint for key in keys if key.preferred}
    assert preferred["ssh-rsa"] == RSA
    assert preferred["ssh-ed25519"] == ED25519
    assert "ecdsa-sha2-nistp256" in preferred
    announced = [key.algorithm for key in keys if not key.preferred]
    assert announced == ["ssh-ed25519"]


async def test_the_old_tables_stay_as_they_were(original_url: str, clock: FakeClock) -> None:
    before = contents(original_url)
    await reopened(original_url, clock)
    assert contents(original_url) == before


async def test_taking_over_again_changes_nothing(
    original: Store, original_url: str, clock: FakeClock
) -> None:
    person = await only(original)
    await original.ports.remember(person.id, 12345)
    [token] = await original.tokens.active(person.id)
    await original.tokens.revoke(token.id)
    keys = await original.host_keys.all()
    await reopened(original_url, clock)
    assert await only(original) == person
    assert await original.ports.last(person.id) == 12345
    assert await original.tokens.check(TOKEN) is None
    assert await original.host_keys.all() == keys


async def test_the_first_sign_in_binds_somebody_taken_over(original: Store) -> None:
    person = await original.people.sign_in("https://id", "1", "unknwon@example.com", "Joe Chen")
    assert person == await only(original)
    with pytest.raises(SignInRefused):
        await original.people.sign_in("https://id", "2", "unknwon@example.com", "Joe Chen")


async def test_whoever_appears_there_later_comes_over_at_the_next_start(
    original: Store, original_url: str, clock: FakeClock
) -> None:
    sign_in_to_the_original(original_url, 2, "bob")
    await reopened(original_url, clock)
    login = await original.tokens.check("token-2")
    assert login is not None
    assert login.person.name == "bob"


async def test_names_stay_as_they_are(original: Store, original_url: str, clock: FakeClock) -> None:
    names = ["jane.doe", "www", "a" * 60, "under_score"]
    for number, name in enumerate(names, start=2):
        sign_in_to_the_original(original_url, number, name)
    await reopened(original_url, clock)
    for name in names:
        assert await original.people.by_name(name) is not None


async def test_a_name_that_one_of_ours_has_is_replaced(
    original: Store, original_url: str, clock: FakeClock
) -> None:
    bob = await original.people.add("bob@ours.example", "Our Bob")
    sign_in_to_the_original(original_url, 2, "bob")
    await reopened(original_url, clock)
    assert await original.people.by_name("bob") == bob
    login = await original.tokens.check("token-2")
    assert login is not None
    assert login.person.name == "bob-2"


async def test_somebody_who_is_here_already_keeps_their_name_and_gets_the_token(
    original: Store, original_url: str, clock: FakeClock
) -> None:
    bob = await original.people.add("bob@example.com", "Bob")
    sign_in_to_the_original(original_url, 2, "robert", identifier="bob@example.com")
    await reopened(original_url, clock)
    login = await original.tokens.check("token-2")
    assert login is not None
    assert login.person == bob


async def test_whoever_was_removed_here_does_not_come_back(
    original: Store, original_url: str, clock: FakeClock
) -> None:
    await original.people.remove((await only(original)).id)
    await reopened(original_url, clock)
    clock.advance(timedelta(days=31))
    await original.people.add("unknwon@other.example", "Somebody else")
    await reopened(original_url, clock)
    assert await original.tokens.check(TOKEN) is None
    assert (await only(original)).display_name == "Somebody else"


async def test_finishing_blanks_the_readable_tokens_and_nothing_else(
    original: Store, original_url: str, clock: FakeClock
) -> None:
    sign_in_to_the_original(original_url, 2, "bob")
    await reopened(original_url, clock)
    before = contents(original_url)
    assert await original.finish_import() == 2
    [people, *rest] = contents(original_url)
    tokens = [row[3] for row in people]
    assert TOKEN not in tokens
    assert len(set(tokens)) == 2
    assert all(len(token) > 64 for token in tokens)
    assert rest == before[1:]
    assert [row[:3] + row[4:] for row in people] == [row[:3] + row[4:] for row in before[0]]
    assert await original.finish_import() == 0
    await reopened(original_url, clock)
    assert await original.tokens.check(TOKEN) is not None
    assert await original.tokens.check(tokens[0]) is None


async def test_there_is_nothing_to_finish_without_an_original(store: Store) -> None:
    assert await store.taken_over() == 0
    with pytest.raises(StoreError, match="no tables of the original"):
        await store.finish_import()


async def test_tables_of_somebody_else_by_that_name_are_left_alone(
    postgres_url: str, clock: FakeClock
) -> None:
    execute(postgres_url, "CREATE TABLE principles (id int, motto text)")
    store = await Store.open(postgres_url, clock=clock)
    assert await store.taken_over() == 0
    await store.close()


async def test_a_host_key_that_cannot_be_read_stops_the_start(
    original_url: str, clock: FakeClock
) -> None:
    execute(original_url, "UPDATE public.host_keys SET pem = 'secret' WHERE algorithm = 'rsa'")
    with pytest.raises(StoreError, match=r"host key .* cannot be read") as raised:
        await Store.open(original_url, clock=clock)
    assert "secret" not in str(raised.value)
