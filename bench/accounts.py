"""People with tokens, as many as there are clients, put straight into a server's database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pgrok.server.store import Store

LABEL = "bench"


def create(database: str, names: Sequence[str]) -> list[str]:
    """Add a person of each name to the database at that URL and return their tokens."""
    return asyncio.run(_create(database, names))


def names(count: int) -> list[str]:
    """Return names that nobody else has."""
    return [f"client-{number}" for number in range(count)]


async def _create(database: str, wanted: Sequence[str]) -> list[str]:
    store = await Store.open(database)
    try:
        people = [await store.people.add(name, name) for name in wanted]
        return [await store.tokens.issue(person.id, LABEL) for person in people]
    finally:
        await store.close()
