"""The store as the rest of the house sees it."""

from __future__ import annotations

from collections.abc import Container
from contextlib import AbstractAsyncContextManager

from sqlalchemy import select

from pgrok.server.settings import LifetimeSettings
from pgrok.server.store import host_keys, original, schema, tables
from pgrok.server.store.daemon_lock import DaemonLock
from pgrok.server.store.engine import Database
from pgrok.server.store.host_keys import HostKeys
from pgrok.server.store.live_leases import LiveLeases
from pgrok.server.store.people import People
from pgrok.server.store.ports import Ports
from pgrok.server.store.records import Clock, system_clock
from pgrok.server.store.sign_ins import SignIns
from pgrok.server.store.tokens import Tokens
from pgrok.server.store.web_sessions import WebSessions
from pgrok.server.subdomains import RESERVED

_DEFAULTS = LifetimeSettings()


class Store:
    """One open database.

    Every method raises `StoreUnavailable`, after fifteen seconds at the latest, while the
    database does not answer. None holds a connection between calls but the daemon's lock.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        reserved: Container[str],
        lifetimes: LifetimeSettings,
    ) -> None:
        """Use `open` instead, which brings the database up to date first."""
        self._database = database
        self._daemon_lock = DaemonLock(database)
        self.people = People(database, clock, reserved, lifetimes.removed_name)
        self.tokens = Tokens(database, clock)
        self.host_keys = HostKeys(database)
        self.web_sessions = WebSessions(database, clock, lifetimes.session)
        self.sign_ins = SignIns(database, clock, lifetimes.sign_in_link)
        self.ports = Ports(database)
        self.live_leases = LiveLeases(database, clock)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        clock: Clock = system_clock,
        own_labels: frozenset[str] = frozenset(),
        lifetimes: LifetimeSettings = _DEFAULTS,
    ) -> Store:
        """Open the database at `url`, `sqlite:///FILE` or `postgresql://...`.

        Creates or migrates the schema, takes over what an original pgrok left there, and makes
        the host keys that are missing. Processes that start at once wait for each other.
        Nobody new gets one of `own_labels`, the server's own; `lifetimes` say how long what is
        kept holds. Raises `StoreError`.
        """
        database = Database(url)
        reserved = RESERVED | own_labels
        try:
            async with database.migrating() as connection:
                await connection.run_sync(schema.upgrade)
                free_since = clock() - lifetimes.removed_name
                await original.take_over(database, connection, reserved, clock(), free_since)
                await host_keys.add_missing(connection, host_keys.ALWAYS, clock())
        except BaseException:
            await database.close()
            raise
        return cls(database, clock, reserved, lifetimes)

    async def close(self) -> None:
        """Write what is left to write, unless that was given up, and close every connection."""
        try:
            if not self._database.given_up:
                await self.tokens.flush()
        finally:
            await self._database.close()

    def give_up(self) -> None:
        """Let whatever waits for the database fail soon; nothing but `close` may follow."""
        self._database.give_up()

    def only_daemon(self) -> AbstractAsyncContextManager[None]:
        """Be the one active daemon of this database; entering raises `StoreBusy` if one is."""
        return self._daemon_lock.held()

    async def wait_for_change(self, seconds: float) -> None:
        """Return when another process may have changed something, at the latest after `seconds`.

        For the active daemon only. Raises `StoreBusy` if the database was away and another
        daemon has become the active one, `StoreUnavailable` while it is away.
        """
        await self._daemon_lock.wait_for_change(seconds)

    async def version(self) -> int:
        """Return a number that rises with every change that live tunnels must learn of."""
        async with self._database.reading() as connection:
            return int((await connection.execute(select(tables.version.c.value))).scalar_one())

    async def taken_over(self) -> int:
        """Return how many people came over from the original pgrok."""
        async with self._database.reading() as connection:
            return await original.count(connection)

    async def finish_import(self) -> int:
        """Blank the readable tokens in the original's own table; return how many there were.

        Our hashes of them go on working; the original's server stops knowing anybody.
        """
        async with self._database.writing() as connection:
            return await original.blank_tokens(connection)
