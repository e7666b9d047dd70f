"""The names whose tunnels were up when the daemon stopped: requests wait for them after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, insert, select

from pgrok.server.store import tables
from pgrok.server.store.engine import Database
from pgrok.server.store.records import Clock

EXPECTED_SECONDS = 60
"""How long after the end of one daemon the next one still waits for its tunnels."""


class LiveNames:
    """What one daemon leaves to the next."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def leave(self, names: Sequence[str]) -> None:
        """Write down the names that are live, in the place of those that were."""
        expires_at = self._clock() + timedelta(seconds=EXPECTED_SECONDS)
        async with self._database.writing() as connection:
            await connection.execute(delete(tables.live_names))
            if names:
                rows = [{"name": name, "expires_at": expires_at} for name in names]
                await connection.execute(insert(tables.live_names), rows)

    async def take(self) -> list[str]:
        """Return the names that were left a short while ago, and forget them."""
        live = tables.live_names
        query = select(live.c.name).where(live.c.expires_at > self._clock())
        async with self._database.writing() as connection:
            names = list((await connection.execute(query.order_by(live.c.name))).scalars())
            await connection.execute(delete(live))
        return names
