"""SIGTERM while the database is away: the server says what it could not write, and ends in time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from pgrok.server.store.engine import TRANSACTION_TIMEOUT
from support.daemon import Daemon
from support.house import new_database
from support.origin import Origin
from support.pgrok import Client
from support.postgres import PostgresServer
from support.processes import until
from support.queues import unread
from support.visitor import visit

END_WITHIN = TRANSACTION_TIMEOUT + 3.0
"""Seconds for the end of a server whose visitors have gone; on an idle machine four or less."""

NOT_LEFT = "live names not left to the next daemon"
NOT_WRITTEN = "last use of tokens not written"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server that may be stopped."""
    with PostgresServer() as server:
        yield server


@contextmanager
def written_by_another(file: Path) -> Iterator[None]:
    """Hold the database as a process does that writes to it and does not come to an end."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


@pytest.fixture
def ended(tmp_path: Path, origin: Origin) -> Callable[..., str]:
    """Return what a server says that is ended in time, with a client on it.

    That is done while `away` makes the database so, in the middle of what `meanwhile` does.
    """

    def end(
        server: Daemon, away: AbstractContextManager[None], meanwhile: Callable[[str], None]
    ) -> str:
        token = server.add("alice").token
        with server.running() as process:
            with Client(tmp_path, server.ssh, token, "http", str(origin.http)) as client:
                assert visit(client.url()).status == 200
                with away:
                    meanwhile(token)
                    began = time.monotonic()
                    assert process.stop() == 0
                    assert time.monotonic() - began < END_WITHIN
            return process.output

    return end


def test_sqlite_that_another_process_writes(
    ended: Callable[..., str], tmp_path: Path, origin: Origin
) -> None:
    server = Daemon(tmp_path, new_database(tmp_path))

    def use_a_token(token: str) -> None:
        with Client(tmp_path, server.ssh, token, "http", str(origin.http)) as another:
            another.url()

    said = ended(server, written_by_another(tmp_path / "pgrokd.db"), use_a_token)
    assert_ended_well(said)
    assert NOT_WRITTEN in said


def test_postgresql_that_is_stopped(
    ended: Callable[..., str], tmp_path: Path, postgres: PostgresServer
) -> None:
    server = Daemon(tmp_path, postgres.create_database())

    def wait_for_a_question(_: str) -> None:
        """Have the server ask, as it does now and then, and get no answer."""
        until(lambda: unread(postgres.pids()) > 0, "a question is there that nobody reads")

    assert_ended_well(ended(server, postgres.frozen(), wait_for_a_question))


def test_postgresql_that_was_just_stopped(
    ended: Callable[..., str], tmp_path: Path, postgres: PostgresServer
) -> None:
    server = Daemon(tmp_path, postgres.create_database())
    assert_ended_well(ended(server, postgres.frozen(), lambda _: None))


def assert_ended_well(said: str) -> None:
    assert "Traceback" not in said
    assert NOT_LEFT in said
    assert '"event": "stopped"' in said.splitlines()[-1]
