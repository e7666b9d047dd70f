"""Our server on a database that the original left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from support.daemon import Daemon
from support.go import GoClient
from support.origin import Origin
from support.pgrok import Client
from support.ssh import SSH, fingerprints
from support.visitor import echo, port_of, visit

DUMP = Path(__file__).parent.parent / "fixtures" / "original-database.sql"

TOKEN = "7893871bd4f3a77b9ffe0c179fdf73b916ef5d10"
NAME = "unknwon"
PORT = 19518
PRESENTED = {
    "RSA": "SHA256:22mWrKCZ+gP8QgsYbJuPUrFw/5+5aDhvb7KWzJi6LhA",
    "ED25519": "SHA256:Qab5kdMfI4MkdTMVLSjbcRCZsyTW+1v9MSAjuOooM+o",
}

OLD_TABLES = ("host_keys", "principles", "sessions")


@pytest.fixture
def database(postgres_url: str) -> str:
    """That database, restored."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute(DUMP.read_bytes())
    return postgres_url


@pytest.fixture
def server(database: str, tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path, database, tcp=range(PORT - 10, PORT + 10))
    with daemon.running():
        yield daemon


def old_rows(database: str) -> list[list[tuple[object, ...]]]:
    with psycopg.connect(database) as connection:
        return [
            connection.execute(f"SELECT * FROM public.{table} ORDER BY 1").fetchall()
            for table in OLD_TABLES
        ]


@pytest.mark.parametrize("kind", ["pgrok", "go", "ssh"])
def test_the_token_and_the_name_go_on(
    kind: str, server: Daemon, tmp_path: Path, go_binaries: Path, origin: Origin
) -> None:
    address = f"localhost:{origin.http}"
    client: Client | GoClient | SSH
    if kind == "pgrok":
        client = Client(tmp_path, server.ssh, TOKEN, "http", address)
    elif kind == "go":
        client = GoClient(go_binaries, server.ssh, TOKEN, address)
    else:
        client = SSH(tmp_path, server.ssh, TOKEN, origin.http)
    with client:
        assert client.url() == server.public_url(NAME)
        assert visit(client.url()).status == 200


def test_the_port_goes_on(server: Daemon, tmp_path: Path, origin: Origin) -> None:
    with Client(tmp_path, server.ssh, TOKEN, "tcp", str(origin.echo)) as client:
        assert port_of(client.url()) == PORT
        assert echo(PORT, b"as before") == b"as before"


def test_the_host_keys_go_on(server: Daemon) -> None:
    assert fingerprints(server.ssh).items() >= PRESENTED.items()


def test_its_client_is_presented_a_key_that_is_cheap_to_sign_with(
    server: Daemon, go_binaries: Path, origin: Origin
) -> None:
    with GoClient(go_binaries, server.ssh, TOKEN, f"localhost:{origin.http}") as client:
        shown = client.wait_for(r"host key (\S+) (\S+)")
        assert shown[1] == "ecdsa-sha2-nistp256"
        assert shown[2] == fingerprints(server.ssh)["ECDSA"]


def test_the_old_tables_stay_as_they_were(database: str, tmp_path: Path) -> None:
    before = old_rows(database)
    server = Daemon(tmp_path, database)
    with server.running():
        server.add("newcomer")
    assert old_rows(database) == before
