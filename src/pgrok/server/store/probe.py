"""A look at a database that changes nothing in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import inspect

from pgrok.server.store import tables
from pgrok.server.store.engine import Database


async def probe(url: str) -> str:
    """Return in words what a server would find at `url`; raise `StoreError` if it is down."""
    database = Database(url)
    if database.file:
        return f"SQLite, {database.place} {_state_of(database, database.file)}"
    try:
        async with database.reading() as connection:
            found = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    finally:
        await database.close()
    state = "is ours" if tables.people.name in found else "gets our tables"
    original = "; the original pgrok's people are taken over" if "principles" in found else ""
    return f"PostgreSQL, {database.place} answers and {state}{original}"


def _state_of(database: Database, file: Path) -> str:
    if not file.exists():
        folder = "" if file.parent.is_dir() else ", and so will its folder"
        return f"will be created{folder}"
    # Where there is no journal, as a server in use has one, only this makes none.
    way = "mode=ro" if Path(f"{file}-wal").exists() else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?{way}", uri=True)) as found:
            tables_found = {name for (name,) in found.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error as error:
        raise database.unavailable(str(error)) from None
    return "is ours" if tables.people.name in tables_found else "gets our tables"
