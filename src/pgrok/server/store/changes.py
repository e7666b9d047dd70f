"""The counter by which the daemon learns that another process changed who may be connected."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from pgrok.server.store import tables

CHANNEL = "pgrok_changes"
"""What PostgreSQL notifies with every change."""


async def announce(connection: AsyncConnection) -> None:
    """Count a change that live tunnels must learn of, in the transaction that makes it."""
    await connection.execute(update(tables.version).values(value=tables.version.c.value + 1))
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_notify(CHANNEL, "")))
