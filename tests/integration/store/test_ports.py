from __future__ import annotations

from pgrok.server.store import Person, Store


async def test_the_last_port_is_remembered(store: Store, bob: Person) -> None:
    assert await store.ports.last(bob.id) is None
    for port in (10001, 10002):
        await store.ports.remember(bob.id, port)
        assert await store.ports.last(bob.id) == port
