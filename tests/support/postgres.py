"""A real PostgreSQL server of our own, and a fresh database in it for every test."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
import pytest
from psycopg import sql

from support.ports import LOOPBACK, free_port, is_free
from support.processes import until

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Settings for data that may be lost."""

SUPERUSER = "pgrok"


class PostgresServer:
    """A server on a loopback port and on a Unix socket in `folder`, gone with its context.

    PostgreSQL refuses to run as root, so there the user that its package made runs it. What is
    set by `settings` is as in its own file.
    """

    def __init__(self, **settings: str) -> None:
        self._settings = settings
        self.folder = Path(tempfile.mkdtemp(prefix="pgrok-postgres-"))
        self.port = free_port()
        self._user = pwd.getpwnam("postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid())[0])
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._run(
            "initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C",
            f"--username={SUPERUSER}",
        )  # fmt: skip
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = (
            FAST
            | self._settings
            | {
                "port": str(self.port),
                "listen_addresses": LOOPBACK,
                "unix_socket_directories": str(self.folder),
            }
        )
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._run("pg_ctl", "start", "--wait", "--log", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """Stop the server, breaking every connection."""
        self._run("pg_ctl", "stop", "--mode=fast")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it, and to those of its processes that serve connections."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def pids(self) -> list[int]:
        """Return the processes that it has now, the first one of them first."""
        pid = (self.folder / "data/postmaster.pid").read_text().split()[0]
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(pid), *map(int, children)]

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it take what it is asked meanwhile, and neither read nor answer it."""
        self.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.send(signal.SIGCONT)

    def crash(self) -> None:
        """End it with all its connections, as kill -9 does."""
        self.send(signal.SIGKILL)
        until(lambda: is_free(self.port), "PostgreSQL is gone")
        # It would not start again before its process is reaped, which in a container may be never.
        for lock in (self.folder / "data/postmaster.pid", *self.folder.glob(".s.PGSQL.*.lock")):
            lock.unlink()

    def url(self, database: str) -> str:
        """Return the URL of a database in this server."""
        return f"postgresql://{SUPERUSER}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, template: str = "template1") -> str:
        """Return the URL of a new database, empty or a copy of the one named `template`."""
        name = f"test_{next(self._numbers)}"
        query = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(query.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [_binary(program), "--pgdata", self.folder / "data", *arguments],
            check=True,
            # pg_ctl leaves a server behind that would hold a pipe open for ever.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            user=self._user.pw_uid if os.getuid() == 0 else None,
            group=self._user.pw_gid if os.getuid() == 0 else None,
            cwd=self.folder,
        )


def _binary(program: str) -> Path:
    """Return the newest one: Debian keeps them apart by version and off the PATH."""
    found = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{program}"),
        key=lambda path: int(path.parts[-3]),
    )
    on_path = shutil.which(program)
    if not found and on_path is None:
        raise AssertionError(f"{program} is missing: install PostgreSQL (Debian: postgresql)")
    return found[-1] if found else Path(on_path or "")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of a new, empty PostgreSQL database."""
    return postgres_server.create_database()
