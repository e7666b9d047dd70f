from __future__ import annotations

import asyncio
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from pgrok.errors import StoreBusy, StoreError, StoreUnavailable
from pgrok.server.store import Person, Store, migrations, tables
from pgrok.server.store.probe import probe
from pgrok.server.store.schema import HEAD, VERSION_TABLE
from support.ports import free_port
from support.postgres import PostgresServer

OPEN = """
import asyncio, sys
from pgrok.server.store import Store

async def main():
    store = await Store.open(sys.argv[1])
    print(sorted(key.fingerprint for key in await store.host_keys.all()))
    await store.close()

asyncio.run(main())
"""


@pytest.fixture
def silent_url() -> Iterator[str]:
    """The URL of a server that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"postgresql://u:hunter2@127.0.0.1:{server.getsockname()[1]}/pgrok"


def test_two_processes_that_start_at_once_share_one_schema_and_its_keys(new_url: str) -> None:
    command = [sys.executable, "-W", "error", "-c", OPEN, new_url]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = {process.communicate(timeout=60)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(outputs) == 1
    assert outputs.pop().count("SHA256:") == 2


async def test_two_opens_at_once_in_one_process(new_url: str) -> None:
    stores = await asyncio.gather(Store.open(new_url), Store.open(new_url))
    first, second = [await store.host_keys.all() for store in stores]
    assert first == second
    for store in stores:
        await store.close()


async def test_the_migrations_make_the_schema_that_the_code_uses(store: Store) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        return list(compare_metadata(context, tables.metadata))

    async with store._database.reading() as connection:
        assert await connection.run_sync(differences) == []
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert all(name.startswith("pgrok_") for name in names if name != "sqlite_sequence")


async def test_a_look_at_a_database_in_use_knows_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    store = await Store.open(url)  # whose tables are in the journal so far
    try:
        assert "is ours" in await probe(url)
    finally:
        await store.close()


def test_the_head_is_the_last_migration() -> None:
    assert ScriptDirectory(migrations.__path__[0]).get_heads() == [HEAD]


async def test_a_database_of_a_newer_version_is_left_alone(store: Store, url: str) -> None:
    async with store._database.writing() as connection:
        await connection.exec_driver_sql("UPDATE pgrok_schema_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer version"):
        await Store.open(url)


async def test_ids_of_deleted_rows_are_not_given_out_again(store: Store, bob: Person) -> None:
    async with store._database.writing() as connection:
        await connection.execute(tables.people.delete())
    assert (await store.people.add("bob@example.com", "Bob")).id > bob.id


async def test_one_daemon_a_database(store: Store, second_store: Store) -> None:
    async with store.only_daemon():
        with pytest.raises(StoreBusy, match=r"Another pgrokd is active on the database .* Stop"):
            await second_store.only_daemon().__aenter__()
    async with second_store.only_daemon():
        pass


async def test_the_lock_does_not_stop_others_from_changing_things(
    store: Store, second_store: Store
) -> None:
    async with store.only_daemon():
        assert (await second_store.people.add("bob@example.com", "Bob")).name == "bob"


async def test_the_version_rises_with_removals_as_seen_from_elsewhere(
    store: Store, second_store: Store, bob: Person
) -> None:
    before = await store.version()
    await second_store.people.remove(bob.id)
    assert await store.version() == before + 1


async def test_waiting_for_a_change_ends_by_itself(store: Store) -> None:
    async with store.only_daemon():
        await store.wait_for_change(0.01)


def test_the_file_and_its_folder_are_the_owners(tmp_path: Path) -> None:
    file = tmp_path / "a" / "pgrokd.db"

    async def modes() -> list[int]:
        store = await Store.open(f"sqlite:///{file}")
        await store.people.add("bob", "Bob")
        found = [
            stat.S_IMODE(path.stat().st_mode)
            for path in (file.parent, *file.parent.glob("pgrokd.db*"))
        ]
        await store.close()
        return [mode for mode in found if mode & 0o077]

    file_of_others = asyncio.run(modes())
    assert file_of_others == []


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pgrokd.db"
    file.write_text("not a database, and long enough to be taken for one" * 10)
    with pytest.raises(StoreError, match=r"pgrokd\.db .*not a database"):
        await Store.open(f"sqlite:///{file}")


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match=r"file/x/pgrokd\.db"):
        await Store.open(f"sqlite:///{tmp_path}/file/x/pgrokd.db")


@pytest.mark.parametrize("url", ["", "x", "mysql://h/d", "sqlite://", "postgresql://h:port/d"])
async def test_a_url_of_something_else_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(StoreError, match=r"database\.url"):
        await Store.open(url)


async def test_nobody_listening_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable, match="refused") as raised:
        await Store.open(f"postgresql://u:hunter2@127.0.0.1:{free_port()}/pgrok")
    assert "hunter2" not in str(raised.value)


async def test_a_server_that_says_nothing_is_unavailable_after_seconds(
    silent_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pgrok.server.store.engine.CONNECT_TIMEOUT", 2)
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await Store.open(silent_url)
    assert time.monotonic() - started < 8


async def test_a_missing_database_is_named(postgres_server: PostgresServer) -> None:
    with pytest.raises(StoreUnavailable, match="nowhere"):
        await Store.open(postgres_server.url("nowhere"))


async def test_postgresql_over_its_unix_socket(postgres_server: PostgresServer) -> None:
    name = postgres_server.create_database().rpartition("/")[2]
    store = await Store.open(
        f"postgresql://pgrok@/{name}?host={postgres_server.folder}&port={postgres_server.port}"
    )
    assert await store.version() == 0
    await store.close()


async def test_a_change_elsewhere_wakes_the_daemon_on_postgresql(
    postgres_server: PostgresServer, postgres_template: str
) -> None:
    url = postgres_server.create_database(postgres_template)
    daemon, cli = await Store.open(url), await Store.open(url)
    bob = await cli.people.add("bob", "Bob")
    async with daemon.only_daemon(), asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(daemon.wait_for_change(60))
        group.create_task(cli.people.remove(bob.id))
    await daemon.close()
    await cli.close()


async def test_a_daemon_takes_its_lock_again_after_its_connection_broke(
    postgres_server: PostgresServer, postgres_template: str
) -> None:
    url = postgres_server.create_database(postgres_template)
    first, second = await Store.open(url), await Store.open(url)
    async with first.only_daemon():
        kill_connections(url)
        with pytest.raises(StoreUnavailable):
            await first.wait_for_change(0.01)
        await first.wait_for_change(0.01)
        with pytest.raises(StoreBusy):
            await second.only_daemon().__aenter__()
        assert await first.version() == 0
        kill_connections(url)
        async with second.only_daemon():
            with pytest.raises(StoreUnavailable):
                await first.wait_for_change(0.01)
            with pytest.raises(StoreBusy):
                await first.wait_for_change(0.01)
    await first.close()
    await second.close()


def kill_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_a_database_that_goes_away_and_comes_back() -> None:
    with PostgresServer() as server:
        store = await Store.open(server.create_database())
        server.stop()
        try:
            with pytest.raises(StoreUnavailable):
                await store.people.all()
        finally:
            server.start()
        assert await store.people.all() == []
        await store.close()
