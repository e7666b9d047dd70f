"""Which public TCP port each person had last."""

from __future__ import annotations

from sqlalchemy import select

from pgrok.server.store import tables
from pgrok.server.store.engine import Database


class Ports:
    """The remembered ports of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self, person_id: int) -> int | None:
        """Return the port that a person's TCP tunnel had last."""
        query = select(tables.ports.c.port).where(tables.ports.c.person_id == person_id)
        async with self._database.reading() as connection:
            return (await connection.execute(query)).scalar()

    async def lasts_of_others(self, person_id: int) -> set[int]:
        """Return the ports that other people's TCP tunnels had last."""
        query = select(tables.ports.c.port).where(tables.ports.c.person_id != person_id)
        async with self._database.reading() as connection:
            return set((await connection.execute(query)).scalars())

    async def remember(self, person_id: int, port: int) -> None:
        """Remember the port that a person's TCP tunnel has got."""
        query = (
            self._database.insert(tables.ports)
            .values(person_id=person_id, port=port)
            .on_conflict_do_update(index_elements=["person_id"], set_={"port": port})
        )
        async with self._database.writing() as connection:
            await connection.execute(query)
