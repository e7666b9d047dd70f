"""Who held which name and port when the daemon stopped: the next one waits for them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select

from pgrok.protocol import TunnelKind
from pgrok.server.registry import Claim
from pgrok.server.store import tables
from pgrok.server.store.engine import Database
from pgrok.server.store.records import Clock

EXPECTED_SECONDS = 60
"""How long after the end of one daemon the next one still waits for its tunnels."""

_live = tables.live_leases.c


class LiveLeases:
    """What one daemon leaves to the next."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def leave(self, tenures: Iterable[Claim]) -> None:
        """Write down who holds what, in the place of what was written down before."""
        expires_at = self._clock() + timedelta(seconds=EXPECTED_SECONDS)
        rows = [{**_row(tenure), "expires_at": expires_at} for tenure in tenures]
        async with self._database.writing() as connection:
            await connection.execute(delete(tables.live_leases))
            if rows:
                await connection.execute(insert(tables.live_leases), rows)

    async def take(self) -> list[Claim]:
        """Return what was left a short while ago, and forget it."""
        query = select(tables.live_leases).where(_live.expires_at > self._clock())
        async with self._database.writing() as connection:
            rows = (await connection.execute(query.order_by(_live.kind, _live.key))).all()
            await connection.execute(delete(tables.live_leases))
        return [_tenure(TunnelKind(row.kind), row) for row in rows]


def _row(tenure: Claim) -> dict[str, object]:
    kind, key = tenure.key
    return {
        "kind": kind.value,
        "key": str(key),
        "person_id": tenure.person_id,
        "instance": tenure.instance,
        "generation": tenure.generation,
    }


def _tenure(kind: TunnelKind, row: Row[Any]) -> Claim:
    key = row.key if kind is TunnelKind.HTTP else int(row.key)
    return Claim((kind, key), row.person_id, row.instance, row.generation)
