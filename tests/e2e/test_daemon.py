"""The server as a process: its databases, its restarts, its end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.daemon import Daemon
from support.origin import Origin
from support.pgrok import Client
from support.processes import until
from support.ssh import fingerprints
from support.visitor import echo, port_of, visit

REVOKED_WITHIN = 5.0


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Daemon:
    """A server that is not started yet, on each of the databases."""
    if request.param == "sqlite":
        return Daemon(tmp_path, f"sqlite:///{tmp_path}/pgrok.db")
    return Daemon(tmp_path, request.getfixturevalue("postgres_url"))


@pytest.fixture
def client(server: Daemon, tmp_path: Path, origin: Origin) -> Iterator[Client]:
    """A tunnel of alice's, once the server runs."""
    token = server.add("alice").token
    with Client(tmp_path, server.ssh, token, "http", str(origin.http)) as running:
        yield running


def test_tunnels_of_both_kinds(server: Daemon, tmp_path: Path, origin: Origin) -> None:
    with server.running():
        token = server.add("alice").token
        with Client(tmp_path, server.ssh, token, "http", str(origin.http)) as http:
            assert visit(http.url()).status == 200
        with Client(tmp_path, server.ssh, token, "tcp", str(origin.echo)) as tcp:
            assert echo(port_of(tcp.url()), b"ping") == b"ping"


def test_a_restart_keeps_people_keys_and_ports(
    server: Daemon, tmp_path: Path, origin: Origin
) -> None:
    token = server.add("alice").token
    seen = []
    for _ in range(2):
        with (
            server.running(),
            Client(tmp_path, server.ssh, token, "tcp", str(origin.echo)) as client,
        ):
            seen.append((client.url(), fingerprints(server.ssh)))
    assert seen[0] == seen[1]


def test_a_client_comes_back_after_a_restart(
    server: Daemon, tmp_path: Path, client: Client
) -> None:
    with server.running():
        url = client.url()
    with server.running():
        assert client.url(count=2) == url
        assert visit(url).status == 200


def test_a_revoked_token_ends_its_tunnel(server: Daemon, client: Client) -> None:
    with server.running():
        url = client.url()
        server.command("user", "token", "alice", "--revoke-all")
        until(lambda: visit(url).status == 502, "the tunnel ended", timeout=REVOKED_WITHIN)
        assert client.wait() != 0


def test_a_removed_person_loses_tunnel_and_token(server: Daemon, client: Client) -> None:
    with server.running():
        url = client.url()
        server.command("user", "remove", "alice", "--yes")
        until(lambda: visit(url).status == 502, "the tunnel ended", timeout=REVOKED_WITHIN)
        assert client.wait() != 0


def test_only_one_daemon_a_database(server: Daemon) -> None:
    with server.running(), server.start() as second:
        assert second.wait() != 0
        assert "Traceback" not in second.output
        second.wait_for("(?i)another")


def test_sigterm_lets_requests_finish(server: Daemon, client: Client, origin: Origin) -> None:
    gate = f"drain-{server.proxy}"
    with server.running() as process, ThreadPoolExecutor() as visitor:
        url = client.url()
        answer = visitor.submit(visit, f"{url}/held?gate={gate}")
        origin.wait_at_gate(gate)
        process.send(signal.SIGTERM)
        origin.open_gate(gate)
        assert answer.result().body == b"let go"
        assert process.wait() == 0
    assert "Traceback" not in process.output
