from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from pgrok.errors import Conflict, NameRefused, SignInRefused, StoreError
from pgrok.server.store import Person, Store
from support.clock import FakeClock

ISSUER = "https://id.example.com"


async def sign_in(store: Store, sub: str, identifier: str, name: str = "") -> Person:
    return await store.people.sign_in(ISSUER, sub, identifier, name or identifier)


async def test_an_added_person_is_found_by_everything_that_names_them(
    store: Store, bob: Person
) -> None:
    assert bob.name == "bob"
    assert await store.people.get(bob.id) == bob
    assert await store.people.by_name("bob") == bob
    assert await store.people.by_identifier("bob@example.com") == bob
    assert await store.people.all() == [bob]


async def test_nobody_is_found_under_what_nobody_has(store: Store) -> None:
    assert await store.people.get(1) is None
    assert await store.people.by_name("bob") is None
    assert await store.people.by_identifier("bob@example.com") is None


async def test_an_identifier_is_added_once(store: Store, bob: Person) -> None:
    with pytest.raises(Conflict, match=r"bob@example\.com is already here, under the name bob"):
        await store.people.add("bob@example.com", "Bob")


async def test_an_identifier_without_letters_makes_no_name(store: Store) -> None:
    with pytest.raises(NameRefused, match="No subdomain"):
        await store.people.add("...@example.com", "Dots")


@pytest.mark.parametrize("display_name", ["\x00", "\ud800"])
async def test_a_text_that_cannot_be_stored_is_no_bug(store: Store, display_name: str) -> None:
    with suppress(StoreError):
        await sign_in(store, "1", "bob@example.com", display_name)
        await store.people.all()


async def test_reserved_names_and_the_servers_own_go_to_nobody(store: Store) -> None:
    assert (await store.people.add("www@example.com", "W")).name == "www-2"
    assert (await store.people.add("portal@example.com", "P")).name == "portal-2"


async def test_two_bobs_who_sign_in_at_once_get_two_names(
    store: Store, second_store: Store
) -> None:
    both = await asyncio.gather(
        sign_in(store, "1", "bob@a.example"), sign_in(second_store, "2", "bob@b.example")
    )
    assert sorted(person.name for person in both) == ["bob", "bob-2"]


async def test_one_bob_who_signs_in_twice_at_once_is_one_person(
    store: Store, second_store: Store
) -> None:
    first, second = await asyncio.gather(
        sign_in(store, "1", "bob@a.example"), sign_in(second_store, "1", "bob@a.example")
    )
    assert first == second


async def test_the_first_sign_in_binds_an_added_person(store: Store, bob: Person) -> None:
    assert (await sign_in(store, "1", "bob@example.com")).id == bob.id
    [identity] = await store.people.identities(bob.id)
    assert (identity.issuer, identity.sub) == (ISSUER, "1")


async def test_only_one_account_wins_an_added_person(
    store: Store, second_store: Store, bob: Person
) -> None:
    results = await asyncio.gather(
        sign_in(store, "1", "bob@example.com"),
        sign_in(second_store, "2", "bob@example.com"),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["Person", "SignInRefused"]


async def test_another_account_with_a_bound_identifier_is_refused(
    store: Store, bob: Person
) -> None:
    await sign_in(store, "1", "bob@example.com")
    with pytest.raises(SignInRefused, match=r"pgrokd user link bob --rebind bob@example\.com$"):
        await sign_in(store, "2", "bob@example.com")
    with pytest.raises(SignInRefused):
        await store.people.sign_in("https://other.example", "1", "bob@example.com", "Bob")


async def test_a_rebound_identifier_goes_to_the_next_account(store: Store, bob: Person) -> None:
    await sign_in(store, "1", "bob@example.com")
    session = await store.web_sessions.create(bob.id)
    await store.people.rebind(bob.id, "bob@example.com")
    assert await store.web_sessions.get(session) is None
    assert (await sign_in(store, "2", "bob@example.com")).id == bob.id
    with pytest.raises(SignInRefused):
        await sign_in(store, "1", "bob@example.com")


async def test_a_person_can_get_a_second_identifier(store: Store, bob: Person) -> None:
    await store.people.rebind(bob.id, "robert@example.com")
    assert (await sign_in(store, "1", "robert@example.com")).id == bob.id


async def test_an_identifier_of_somebody_else_is_not_rebound(store: Store, bob: Person) -> None:
    await store.people.add("eve@example.com", "Eve")
    with pytest.raises(Conflict, match="belongs to eve"):
        await store.people.rebind(bob.id, "eve@example.com")


async def test_an_account_keeps_its_person_when_its_identifier_changes(store: Store) -> None:
    bob = await sign_in(store, "1", "bob@example.com")
    again = await sign_in(store, "1", "robert@example.com", "Robert")
    assert (again.id, again.name, again.display_name) == (bob.id, "bob", "Robert")
    assert (await sign_in(store, "2", "bob@example.com")).name == "bob-2"


async def test_a_known_account_signs_in_even_if_its_identifier_makes_no_name(store: Store) -> None:
    bob = await sign_in(store, "1", "bob@example.com")
    assert (await sign_in(store, "1", "ボブ@example.com")).id == bob.id
    with pytest.raises(NameRefused):
        await sign_in(store, "2", "ボブさん@example.com")


async def test_an_account_cannot_take_a_person_by_taking_their_identifier(
    store: Store, bob: Person
) -> None:
    eve = await sign_in(store, "6", "eve@example.com")
    assert (await sign_in(store, "6", "bob@example.com")).id == eve.id
    assert (await store.people.by_identifier("bob@example.com")) == bob


async def test_a_removed_person_is_gone_with_tokens_sessions_and_links(
    store: Store, bob: Person
) -> None:
    token = await store.tokens.issue(bob.id, "laptop")
    session = await store.web_sessions.create(bob.id)
    link = await store.sign_ins.issue_link(bob.id)
    await store.people.remove(bob.id)
    assert await store.people.all() == []
    assert await store.people.get(bob.id) is None
    assert await store.tokens.check(token) is None
    assert await store.web_sessions.get(session) is None
    assert await store.sign_ins.take_link(link) is None


async def test_the_name_of_a_removed_person_rests_30_days(
    store: Store, bob: Person, clock: FakeClock
) -> None:
    await store.people.remove(bob.id)
    clock.advance(timedelta(days=30) - timedelta(seconds=1))
    assert (await store.people.add("bob@b.example", "Bob B")).name == "bob-2"
    clock.advance(timedelta(seconds=1))
    assert (await store.people.add("bob@c.example", "Bob C")).name == "bob"


async def test_a_removed_person_who_comes_back_has_their_name_and_no_old_token(
    store: Store, bob: Person
) -> None:
    token = await store.tokens.issue(bob.id, "laptop")
    await store.people.remove(bob.id)
    assert await sign_in(store, "1", "bob@example.com", "Bob") == bob
    assert await store.tokens.check(token) is None
    await store.people.remove(bob.id)
    assert await store.people.add("bob@example.com", "Bob") == bob


async def test_a_new_account_with_a_removed_persons_identifier_is_somebody_else(
    store: Store,
) -> None:
    bob = await sign_in(store, "1", "bob@example.com")
    await store.people.remove(bob.id)
    successor = await sign_in(store, "2", "bob@example.com")
    assert (successor.id != bob.id, successor.name) == (True, "bob-2")
