"""Our client on the original's server, as the Go stand-in speaks for it."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.go import GoServer
from support.origin import Origin
from support.pgrok import Client
from support.visitor import echo, port_of, visit

Connect = Callable[..., Client]


@pytest.fixture
def server(go_binaries: Path) -> Iterator[GoServer]:
    with GoServer(go_binaries, key_seed="the same") as running:
        yield running


@pytest.fixture
def connect(tmp_path: Path, server: GoServer) -> Connect:
    """Run our client with some arguments."""
    return lambda *arguments: Client(tmp_path, server.ssh, server.TOKEN, *arguments)


def restart(binaries: Path, server: GoServer, seed: str) -> GoServer:
    """Kill a server and start another one in its place."""
    server.kill()
    return GoServer(binaries, ssh=server.ssh, proxy=server.proxy, key_seed=seed)


def test_http(connect: Connect, server: GoServer, origin: Origin) -> None:
    with connect("http", str(origin.http)) as client:
        url = client.url()
        assert url == f"http://alice.localhost:{server.proxy}"
        for path in ("/one", "/two"):
            assert visit(f"{url}{path}").json()["target"] == path
            client.wait_for(path)


def test_tcp(connect: Connect, server: GoServer, origin: Origin) -> None:
    with connect("tcp", str(origin.echo)) as client:
        assert echo(port_of(client.url()), b"there and back") == b"there and back"


def test_it_says_what_the_server_expects_in_its_order(
    connect: Connect, server: GoServer, origin: Origin
) -> None:
    with connect("http", str(origin.http)) as client:
        client.url()
        (hint,) = server.requests("hint")
        names = [event["name"] for event in server.events("request")]
    assert [name for name in names if "@" not in name] == ["hint", "tcpip-forward", "server-info"]
    fields = json.loads(hint)
    assert fields["protocol"] == "http"
    assert re.fullmatch("[0-9a-f]{32}", fields["instance"])
    assert type(fields["generation"]) is int


def test_a_refused_token_ends_it(tmp_path: Path, server: GoServer) -> None:
    with Client(tmp_path, server.ssh, "wrong", "http", "1") as client:
        assert client.wait() != 0
    assert "Traceback" not in client.output
    assert "token" in client.output


def test_it_comes_back_when_the_server_does(
    connect: Connect, go_binaries: Path, server: GoServer, origin: Origin
) -> None:
    with connect("http", str(origin.http)) as client:
        url = client.url()
        with restart(go_binaries, server, "the same") as again:
            assert client.url(count=2) == url
            assert visit(url).status == 200
            first = json.loads(server.requests("hint")[0])
            second = json.loads(again.requests("hint")[0])
    assert first["instance"] == second["instance"]
    assert first["generation"] < second["generation"]


def test_a_changed_host_key_stops_it(
    connect: Connect, go_binaries: Path, server: GoServer, origin: Origin
) -> None:
    with connect("http", str(origin.http)) as client:
        client.url()
        with restart(go_binaries, server, "another") as impostor:
            assert client.wait() != 0
    assert server.fingerprint in client.output
    assert impostor.fingerprint in client.output
    assert "password" not in impostor.output


def test_sigterm_ends_it_quietly(connect: Connect, server: GoServer, origin: Origin) -> None:
    with connect("http", str(origin.http)) as client:
        client.url()
        client.stop(signal.SIGTERM)
    server.events("disconnected")
    assert "Traceback" not in client.output
