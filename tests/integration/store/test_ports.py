from __future__ import annotations

from pgrok.server.store import Person, Store


async def test_the_last_port_is_remembered(store: Store, bob: Person) -> None:
    assert await store.ports.last(bob.id) is None
    for port in (10001, 10002):
        await store.ports.remember(bob.id, port)
        assert await store.ports.last(bob.id) == port


async def test_the_last_ports_of_others_are_known(store: Store, bob: Person) -> None:
    assert await store.ports.lasts_of_others(bob.id) == set()
    eve, max_ = [await store.people.add(name, name) for name in ("eve", "max")]
    for person, port in ((bob, 10001), (eve, 10002), (max_, 10002), (max_, 10003)):
        await store.ports.remember(person.id, port)
    assert await store.ports.lasts_of_others(bob.id) == {10002, 10003}
    assert await store.ports.lasts_of_others(max_.id) == {10001, 10002}
