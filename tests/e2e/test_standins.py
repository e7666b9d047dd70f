"""The Go stand-ins agree with each other, so that a failure against ours is ours."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.go import GoClient, GoServer
from support.origin import Origin
from support.payload import blocks, digest
from support.visitor import echo, visit


@pytest.fixture
def server(go_binaries: Path) -> Iterator[GoServer]:
    with GoServer(go_binaries) as running:
        yield running


def test_carry_http(go_binaries: Path, server: GoServer, origin: Origin) -> None:
    with GoClient(go_binaries, server.ssh, server.TOKEN, f"localhost:{origin.http}") as client:
        url = client.url()
        assert url == f"http://alice.localhost:{server.proxy}"
        shown = visit(f"{url}/a/b?c=d", "POST", body=b"hello").json()
        assert shown["target"] == "/a/b?c=d"
        assert shown["sha256"] == hashlib.sha256(b"hello").hexdigest()
        assert ["Host", f"alice.localhost:{server.proxy}"] in shown["fields"]
        body = visit(f"{url}/bytes?n=3000000").body
        assert digest([body]) == digest(blocks(3000000))
    assert visit(url).status == 502


def test_carry_tcp(go_binaries: Path, server: GoServer, origin: Origin) -> None:
    target = f"localhost:{origin.echo}"
    with GoClient(go_binaries, server.ssh, server.TOKEN, target, protocol="tcp") as client:
        port = int(client.url().rpartition(":")[2])
        assert echo(port, b"over and out") == b"over and out"
        client.write("cancel\n")
        client.wait_for("^canceled$")


def test_the_second_tunnel_gets_another_name(
    go_binaries: Path, server: GoServer, origin: Origin
) -> None:
    target = f"localhost:{origin.http}"
    with GoClient(go_binaries, server.ssh, server.TOKEN, target) as first:
        assert first.url()
        with GoClient(go_binaries, server.ssh, server.TOKEN, target, hint="none") as second:
            assert re.fullmatch(r"http://[0-9a-f]{32}-alice\.localhost:\d+", second.url())


def test_a_wrong_token_ends_the_client(go_binaries: Path, server: GoServer) -> None:
    with GoClient(go_binaries, server.ssh, "wrong", "localhost:1", reconnect=True) as client:
        client.wait_for("no supported methods remain")
        assert client.wait() == 1


def test_refusals_carry_a_text(go_binaries: Path, server: GoServer) -> None:
    with GoClient(
        go_binaries,
        server.ssh,
        server.TOKEN,
        "localhost:1",
        hint='{"protocol":"gopher"}',
        info_first=True,
    ) as client:
        client.wait_for("server-info refused: no forward")
        client.wait_for('hint refused: unsupported protocol: "gopher"')
        assert client.wait() == 1
