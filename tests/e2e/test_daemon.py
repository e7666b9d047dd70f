"""The server as a process: its databases, its restarts, its end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.daemon import Daemon
from support.origin import Origin
from support.pgrok import Client
from support.processes import until
from support.ssh import fingerprints
from support.visitor import echo, port_of, visit

Connect = Callable[..., Client]

REVOKED_WITHIN = 5.0


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Daemon:
    """A server that is not started yet, on each of the databases."""
    if request.param == "sqlite":
        return Daemon(tmp_path, f"sqlite:///{tmp_path}/pgrok.db")
    return Daemon(tmp_path, request.getfixturevalue("postgres_url"))


@pytest.fixture
def connect(server: Daemon, tmp_path: Path) -> Connect:
    """Add alice and run our client for her with some arguments."""
    token = server.add("alice").token
    return lambda *arguments: Client(tmp_path, server.ssh, token, *map(str, arguments))


def test_tunnels_of_both_kinds(server: Daemon, connect: Connect, origin: Origin) -> None:
    with server.running():
        with connect("http", origin.http) as http:
            assert visit(http.url()).status == 200
        with connect("tcp", origin.echo) as tcp:
            assert echo(port_of(tcp.url()), b"ping") == b"ping"


def test_a_restart_keeps_people_keys_and_ports(
    server: Daemon, connect: Connect, origin: Origin
) -> None:
    seen = []
    for _ in range(2):
        with server.running(), connect("tcp", origin.echo) as client:
            seen.append((client.url(), fingerprints(server.ssh)))
    assert seen[0] == seen[1]


def test_a_client_comes_back_after_a_restart(
    server: Daemon, connect: Connect, origin: Origin
) -> None:
    with ExitStack() as stack:
        with server.running():
            client = stack.enter_context(connect("http", origin.http))
            url = client.url()
        with server.running():
            assert client.url(count=2) == url
            assert visit(url).status == 200


def test_after_a_restart_visitors_wait_for_the_tunnels_there_were(
    server: Daemon, connect: Connect, origin: Origin
) -> None:
    with ExitStack() as stack:
        with server.running() as process:
            client = stack.enter_context(connect("http", origin.http))
            url = client.url()
            assert process.stop() == 0
        with server.running():
            assert visit(f"{url}/first").json()["target"] == "/first"


def test_a_revoked_token_ends_its_tunnel(server: Daemon, connect: Connect, origin: Origin) -> None:
    with server.running(), connect("http", origin.http) as client:
        url = client.url()
        server.command("user", "token", "alice", "--revoke", "1")
        until(lambda: visit(url).status == 502, "the tunnel ended", timeout=REVOKED_WITHIN)
        assert client.wait() != 0


def test_a_removed_person_loses_tunnel_and_token(
    server: Daemon, connect: Connect, origin: Origin
) -> None:
    with server.running(), connect("http", origin.http) as client:
        url = client.url()
        server.command("user", "remove", "alice", "--yes")
        until(lambda: visit(url).status == 502, "the tunnel ended", timeout=REVOKED_WITHIN)
        assert client.wait() != 0


def test_only_one_daemon_a_database(server: Daemon) -> None:
    with server.running(), server.start() as second:
        assert second.wait() != 0
        assert "Traceback" not in second.output
        second.wait_for("(?i)another")


def test_sigterm_lets_requests_finish(server: Daemon, connect: Connect, origin: Origin) -> None:
    gate = f"drain-{server.proxy}"
    with (
        server.running() as process,
        connect("http", origin.http) as client,
        ThreadPoolExecutor() as visitor,
    ):
        answer = visitor.submit(visit, f"{client.url()}/held?gate={gate}")
        origin.wait_at_gate(gate)
        process.send(signal.SIGTERM)
        origin.open_gate(gate)
        assert answer.result().body == b"let go"
        assert process.wait() == 0
    assert "Traceback" not in process.output
