"""A look at a database that changes nothing in it."""

from __future__ import annotations

from sqlalchemy import inspect

from pgrok.server.store import tables
from pgrok.server.store.engine import Database


async def probe(url: str) -> str:
    """Return in words what a server would find at `url`; raise `StoreError` if it is down."""
    database = Database(url)
    if database.file:
        # Merely connecting would create the file, or change its journal.
        state = "is there" if database.file.exists() else "will be created"
        return f"SQLite, {database.place} {state}"
    try:
        async with database.reading() as connection:
            found = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    finally:
        await database.close()
    state = "is ours" if tables.people.name in found else "gets our tables"
    original = "; the original pgrok's people are taken over" if "principles" in found else ""
    return f"PostgreSQL, {database.place} answers and {state}{original}"
