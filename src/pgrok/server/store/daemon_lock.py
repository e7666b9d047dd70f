"""One active daemon a database, and its ear for what other processes change there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from sqlalchemy import func, select, text

from pgrok.errors import StoreBusy, StoreUnavailable
from pgrok.server.store.changes import CHANNEL
from pgrok.server.store.engine import Database

DAEMON_LOCK = 0x7067726F6B02
"""Key of the advisory lock in PostgreSQL that the active daemon holds."""


class DaemonLock:
    """The lock that makes a daemon the only one; on PostgreSQL it also hears of changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._session: AsyncExitStack | None = None
        self._listener: Any = None

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the lock; raise `StoreBusy` if another daemon has it."""
        if self._database.file:
            async with self._database.file_lock("daemon-lock", 0, self._busy()):
                yield
            return
        await self._lock_and_listen()
        try:
            yield
        finally:
            await self._let_go()

    async def wait_for_change(self, seconds: float) -> None:
        """Return when another process announces a change, at the latest after `seconds`.

        A lock that was lost with its connection is taken again; raises `StoreBusy` if another
        daemon has it by now, and `StoreUnavailable` while the database is down.
        """
        if self._database.file:
            await asyncio.sleep(seconds)
            return
        # Loaded where PostgreSQL is used: it takes a fifth of a second.
        import psycopg

        if self._listener is None or self._listener.closed:
            await self._let_go()
            await self._lock_and_listen()
        try:
            async for _ in self._listener.notifies(timeout=seconds, stop_after=1):
                return
        except psycopg.OperationalError as error:
            raise StoreUnavailable(
                f"The connection to the database {self._database.place} broke."
            ) from error

    async def _lock_and_listen(self) -> None:
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(self._database.connected())
            locked = select(func.pg_try_advisory_lock(DAEMON_LOCK))
            if not (await connection.execute(locked)).scalar_one():
                raise self._busy()
            await connection.execute(text(f"LISTEN {CHANNEL}"))
            self._listener = (await connection.get_raw_connection()).driver_connection
            self._session = stack.pop_all()

    async def _let_go(self) -> None:
        session, self._session, self._listener = self._session, None, None
        if session is not None:
            await session.aclose()

    def _busy(self) -> StoreBusy:
        return StoreBusy(
            f"Another pgrokd is active on the database {self._database.place}. "
            "Stop that one first, or give this one a database of its own."
        )
