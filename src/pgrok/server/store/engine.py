"""Transactions on SQLite or PostgreSQL, bounded in time, with the drivers' errors translated."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from filelock import AsyncFileLock
from filelock import Timeout as LockTimeout
from sqlalchemy import URL, Connection, Table, event, func, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from pgrok.errors import Conflict, StoreError, StoreUnavailable

CONNECT_TIMEOUT = 5
"""Seconds until a server that does not answer counts as down."""

TRANSACTION_TIMEOUT = 5.0
"""Seconds that one transaction may take; giving up on a server that hangs takes ten more."""

SQLITE_PATIENCE = 4000
"""Milliseconds to wait for another process that writes to the same file."""

MIGRATION_TIMEOUT = 60.0
"""Seconds that a process waits for another one's migration, and then its own may take."""

MIGRATION_LOCK = 0x7067726F6B01
"""Key of the advisory lock in PostgreSQL under which the schema changes."""

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}


class RaceLost(Conflict):
    """A unique index refused a row because another transaction was faster."""


class Database:
    """One database: its transactions, and what differs between SQLite and PostgreSQL."""

    def __init__(self, url: str) -> None:
        """Prepare connections to `url`, `sqlite:///FILE` or `postgresql://...`.

        Nothing is connected yet. Raises `StoreError` if the URL is none of these.
        """
        parsed = _parsed(url)
        self.file = Path(parsed.database or "") if parsed.drivername.startswith("sqlite") else None
        self.place = str(self.file) if self.file else _place(parsed)
        self._engine = _sqlite_engine(parsed) if self.file else _postgresql_engine(parsed)
        # Only SQLite knows the difference: a transaction that will write has to say so at once.
        self._reader = self._engine.execution_options(sqlite_begin="DEFERRED")

        self.given_up = False
        self._connections: WeakSet[Any] = WeakSet()
        if not self.file:
            event.listen(self._engine.sync_engine, "do_connect", self._connect_unless_given_up)
            event.listen(self._engine.sync_engine, "connect", self._note_connection)

    def give_up(self) -> None:
        """Let whatever waits for PostgreSQL fail at once; a wait for SQLite is short by itself.

        To cancel it would take seconds: the driver first asks the server to end the query.
        """
        self.given_up = True
        for connection in self._connections:
            if not connection.closed:
                with socket.socket(fileno=os.dup(connection.fileno())) as ours:
                    ours.shutdown(socket.SHUT_RDWR)

    def _connect_unless_given_up(self, *_: object) -> None:
        if self.given_up:
            raise ConnectionAbortedError(errno.ECONNABORTED, "it was given up")

    def _note_connection(self, connection: Any, _record: object) -> None:
        self._connections.add(connection.driver_connection)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Run a transaction that only reads; raise `StoreUnavailable` if the database is down."""
        async with self._transaction(self._reader, TRANSACTION_TIMEOUT) as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Run a transaction; raise `Conflict` where it breaks a unique index."""
        async with self._transaction(self._engine, TRANSACTION_TIMEOUT) as connection:
            yield connection

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """Run a transaction that no other process runs at the same time."""
        async with (
            self._migration_file_lock(),
            self._transaction(self._engine, MIGRATION_TIMEOUT) as connection,
        ):
            if not self.file:
                await connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            yield connection

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[AsyncConnection]:
        """Hold one connection, outside of transactions, for as long as wanted.

        It ends with its locks and subscriptions, and is not used for anything else.
        """
        with self._translated():
            async with self._engine.connect() as connection:
                try:
                    yield await connection.execution_options(isolation_level="AUTOCOMMIT")
                finally:
                    await connection.invalidate()

    @asynccontextmanager
    async def file_lock(
        self, purpose: str, seconds: float, busy: StoreError
    ) -> AsyncIterator[None]:
        """Lock a file beside the SQLite database; raise `busy` if that takes too many seconds."""
        lock = AsyncFileLock(f"{self.file}.{purpose}", timeout=seconds, mode=0o600)
        try:
            await lock.acquire()
        except LockTimeout:
            raise busy from None
        except OSError as error:
            raise self.unavailable(error.strerror or type(error).__name__) from error
        try:
            yield
        finally:
            await lock.release()

    def insert(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        """Return an INSERT that can say `on_conflict_do_update`."""
        return sqlite.insert(table) if self.file else postgresql.insert(table)

    @asynccontextmanager
    async def _transaction(
        self, engine: AsyncEngine, seconds: float
    ) -> AsyncIterator[AsyncConnection]:
        with self._translated():
            async with asyncio.timeout(seconds), engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def _migration_file_lock(self) -> AsyncIterator[None]:
        if not self.file:
            yield
            return
        self._create_file(self.file)
        busy = self.unavailable("another process has been migrating it for too long")
        async with self.file_lock("migration-lock", MIGRATION_TIMEOUT, busy):
            yield

    def _create_file(self, file: Path) -> None:
        """Make the file, and its folder where that is missing, readable by their owner only."""
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
            file.chmod(0o600)
        except OSError as error:
            raise self.unavailable(error.strerror or type(error).__name__) from None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise RaceLost("Somebody else has just written the same thing. Try again.") from error
        except (OperationalError, InterfaceError) as error:
            raise self.unavailable(_first_line(error.orig)) from error
        except DBAPIError as error:
            raise StoreError(
                f"The database {self.place} refuses: {_first_line(error.orig)}. "
                "Check that it is pgrokd's and that its user may change it."
            ) from error
        except (PoolTimeout, TimeoutError) as error:
            raise self.unavailable("it takes too long") from error
        except OSError as error:
            raise self.unavailable(error.strerror or type(error).__name__) from error
        except UnicodeEncodeError as error:
            raise StoreError("A text holds half a character and cannot be stored.") from error

    def unavailable(self, reason: str) -> StoreUnavailable:
        """Return the error that says why the database cannot be used, and what to look at."""
        if self.file:
            return StoreUnavailable(
                f"The database {self.place} cannot be used: {reason}. "
                "Check the file, its folder and the space on its disk."
            )
        return StoreUnavailable(
            f"The database {self.place} does not answer: {reason}. "
            "Check that it runs and that `database` in the settings names it."
        )


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError(
            "database.url is not a URL: expected sqlite:/// or postgresql://"
        ) from None
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None or (driver.startswith("sqlite") and not parsed.database):
        raise StoreError("database.url: expected sqlite:///FILE or postgresql://HOST/DATABASE")
    return parsed.set(drivername=driver)


def _place(url: URL) -> str:
    """Return where a PostgreSQL database is, without user, password and options."""
    host = url.host or url.query.get("host") or "local socket"
    port = f":{url.port}" if url.port else ""
    return f"{url.database or ''} at {host}{port}".strip()


def _postgresql_engine(url: URL) -> AsyncEngine:
    return create_async_engine(
        url,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT,
            "tcp_user_timeout": CONNECT_TIMEOUT * 1000,
            "application_name": "pgrokd",
        },
        pool_timeout=CONNECT_TIMEOUT,
        pool_pre_ping=True,
        hide_parameters=True,
    )


def _sqlite_engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(url, pool_timeout=CONNECT_TIMEOUT, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver would open transactions late and none for DDL; `_begin_sqlite` does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for setting in (
        f"busy_timeout={SQLITE_PATIENCE}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    kind = connection.get_execution_options().get("sqlite_begin", "IMMEDIATE")
    connection.execute(text(f"BEGIN {kind}"))


def _first_line(error: BaseException | None) -> str:
    return str(error or "").strip().partition("\n")[0].rstrip(".") or type(error).__name__
