"""Restarts: what is under way ends well, and whoever comes meanwhile waits and is answered."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.daemon import Daemon
from support.origin import Origin
from support.pgrok import Client
from support.ports import LOOPBACK
from support.processes import until
from support.systemd import activate, held_sockets
from support.visitor import connect, port_of, visit


@pytest.fixture
def server(tmp_path: Path) -> Daemon:
    return Daemon(tmp_path, f"sqlite:///{tmp_path}/pgrok.db")


@contextmanager
def stream(client: Client) -> Iterator[socket.socket]:
    """A visitor's stream through a tcp tunnel, which has carried something."""
    address = (LOOPBACK, port_of(client.url()))
    with socket.create_connection(address, timeout=20) as visitor:
        say(visitor, b"before")
        yield visitor


def say(visitor: socket.socket, data: bytes) -> None:
    visitor.sendall(data)
    heard = b""
    while len(heard) < len(data):
        more = visitor.recv(100)
        assert more, "the stream ended"
        heard += more
    assert heard == data


def test_a_stream_may_end_by_itself(server: Daemon, tmp_path: Path, origin: Origin) -> None:
    token = server.add("alice").token
    with (
        server.running() as process,
        Client(tmp_path, server.ssh, token, "tcp", str(origin.echo)) as client,
        stream(client) as visitor,
    ):
        process.send(signal.SIGTERM)
        process.wait_for("stopping")
        say(visitor, b"after")
        visitor.close()
        assert process.wait() == 0
        assert "Traceback" not in process.output


def test_a_stream_that_does_not_end_is_not_waited_for_long(
    server: Daemon, tmp_path: Path, origin: Origin
) -> None:
    token = server.add("alice").token
    with (
        server.running() as process,
        Client(tmp_path, server.ssh, token, "tcp", str(origin.echo)) as client,
        stream(client),
    ):
        process.send(signal.SIGTERM)
        assert process.wait() == 0
        assert "Traceback" not in process.output


def test_sockets_may_come_from_systemd(server: Daemon, tmp_path: Path, origin: Origin) -> None:
    token = server.add("alice").token
    activate(server)
    with server.running() as process:
        with Client(tmp_path, server.ssh, token, "http", str(origin.http)) as client:
            assert visit(client.url()).status == 200
        assert "systemd-socket-activate" in str(process)


def test_a_restart_refuses_nobody(server: Daemon, tmp_path: Path, origin: Origin) -> None:
    token = server.add("alice").token
    gate = f"restart-{server.proxy}"
    with held_sockets(server), ExitStack() as stack:
        with server.running() as first, ThreadPoolExecutor() as visitor:
            client = stack.enter_context(
                Client(tmp_path, server.ssh, token, "http", str(origin.http))
            )
            url = client.url()
            held = visitor.submit(visit, f"{url}/held?gate={gate}")
            origin.wait_at_gate(gate)
            first.send(signal.SIGTERM)
            first.wait_for("stopping")
            came = [asked(url)]
            origin.open_gate(gate)
            assert held.result().body == b"let go"
            assert first.wait() == 0
        # Nobody is there now: whoever connects is kept by the system, with what is sent.
        came += [asked(url), asked(f"{server.external_url}/-/ready")]
        with server.running():
            statuses = [connection.getresponse().status for connection in came]
            assert set(statuses) == {200}
            assert client.url(count=2) == url
            until(lambda: visit(url).status == 200, "the tunnel is back")


@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_each_client_has_its_own_name_again(
    server: Daemon, tmp_path: Path, origin: Origin, kind: str
) -> None:
    token, target = server.add("alice").token, str(origin.http)
    with ExitStack() as stack:
        with server.running() as first:
            base = stack.enter_context(Client(tmp_path, server.ssh, token, kind, target))
            urls = [base.url()]
            further = stack.enter_context(Client(tmp_path, server.ssh, token, kind, target))
            urls.append(further.url())
            base.send(signal.SIGSTOP)
            assert first.stop() == 0
        with server.running():
            assert further.url(count=2) == urls[1]
            base.send(signal.SIGCONT)
            assert base.url(count=2) == urls[0]


def asked(url: str) -> HTTPConnection:
    """Return a connection that stands, with a request on it that may be answered later."""
    connection = connect(url, timeout=60)
    parts = urlsplit(url)
    connection.request("GET", parts.path or "/", headers={"Host": parts.netloc})
    return connection
