"""Every test of the store runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pgrok.server.store import Person, Store
from support.clock import FakeClock
from support.postgres import PostgresServer


async def _open_and_close(url: str) -> None:
    await (await Store.open(url)).close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with nobody in it: making the RSA key takes longer than most tests."""
    file = tmp_path_factory.mktemp("template") / "pgrokd.db"
    asyncio.run(_open_and_close(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The same in PostgreSQL, by its name."""
    url = postgres_server.create_database()
    asyncio.run(_open_and_close(url))
    return url.rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that nobody has opened yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/pgrokd.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with nobody in it."""
    if request.param == "sqlite":
        copy = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "pgrokd.db")
        return f"sqlite:///{copy}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_database(request.getfixturevalue("postgres_template"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(url: str, clock: FakeClock) -> AsyncIterator[Store]:
    opened = await Store.open(url, clock=clock, own_labels=frozenset({"portal"}))
    yield opened
    await opened.close()


@pytest.fixture
async def second_store(store: Store, url: str, clock: FakeClock) -> AsyncIterator[Store]:
    """What another process sees of the same database."""
    opened = await Store.open(url, clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
async def bob(store: Store) -> Person:
    return await store.people.add("bob@example.com", "Bob")
