"""The two kinds of database, as somebody with all rights sees them from outside."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import psycopg

from support.postgres import PostgresServer
from support.processes import run

ROLE = "canary"

_THEIRS = f"usename = '{ROLE}'"


class Outside(Protocol):
    """A database."""

    url: str
    """What the server is told, with user and password where there are any."""

    def execute(self, statement: str) -> None:
        """Change something behind the server's back."""

    def broken(self) -> AbstractContextManager[None]:
        """Let nobody use it while the body runs."""

    def dump(self) -> bytes:
        """Return all that is stored, and what the database wrote into its own log."""


class SQLite:
    """A file."""

    def __init__(self, file: Path) -> None:
        self.url = f"sqlite:///{file}"
        self._file = file

    def execute(self, statement: str) -> None:
        """Run a statement."""
        with closing(sqlite3.connect(self._file, timeout=10)) as database, database:
            database.execute(statement)

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Take away the table that everything needs."""
        self.execute("ALTER TABLE pgrok_people RENAME TO away")
        yield
        self.execute("ALTER TABLE away RENAME TO pgrok_people")

    def dump(self) -> bytes:
        """Return the octets of all its files."""
        files = self._file.parent.glob(f"{self._file.name}*")
        return b"".join(file.read_bytes() for file in files)


class PostgreSQL:
    """A database of a role with a password, in a server that logs every statement."""

    def __init__(self, server: PostgresServer, password: str) -> None:
        self._server = server
        self._password = password
        self._as_superuser = server.create_database()
        name = urlsplit(self._as_superuser).path.removeprefix("/")
        self.execute(f"CREATE ROLE {ROLE} LOGIN")
        self.execute(f"ALTER ROLE {ROLE} SET log_statement = 'all'")
        self.execute(f"ALTER DATABASE {name} OWNER TO {ROLE}")
        self._set_password()
        self._ask_for_passwords()
        self.url = self._as_superuser.replace("pgrok@", f"{ROLE}:{password}@")

    def _set_password(self) -> None:
        self.execute(f"ALTER ROLE {ROLE} PASSWORD '{self._password}'")

    def _ask_for_passwords(self) -> None:
        file = self._server.folder / "data" / "pg_hba.conf"
        rule = f"host all {ROLE} 127.0.0.1/32 scram-sha-256\n"
        file.write_text(rule + file.read_text())
        self.execute("SELECT pg_reload_conf()")

    def execute(self, statement: str) -> None:
        """Run a statement as a superuser."""
        with psycopg.connect(self._as_superuser, autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Break all connections of the role, and take no new one: its password is another."""
        self.execute(f"ALTER ROLE {ROLE} PASSWORD 'another'")
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_THEIRS}")
        yield
        self._set_password()

    def dump(self) -> bytes:
        """Return what `pg_dump` writes, and the server's log."""
        log = (self._server.folder / "log").read_bytes()
        return run("pg_dump", self._as_superuser).encode() + log
