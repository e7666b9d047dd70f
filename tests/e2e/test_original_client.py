"""The original's client, as the Go stand-in speaks for it, on our server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.daemon import Daemon, Person
from support.go import GoClient
from support.origin import Origin
from support.processes import until
from support.ssh import fingerprints
from support.visitor import visit

Connect = Callable[..., GoClient]


@pytest.fixture
def connect(go_binaries: Path, daemon: Daemon, person: Person, origin: Origin) -> Connect:
    """Run the client with some options for the person and the application."""
    return lambda **options: GoClient(
        go_binaries, daemon.ssh, person.token, f"localhost:{origin.http}", **options
    )


def test_it_prints_where_the_tunnel_is(connect: Connect, daemon: Daemon, person: Person) -> None:
    with connect() as client:
        assert client.url() == daemon.public_url(person.name)
        assert visit(client.url()).status == 200


def test_without_a_hint_it_gets_http(connect: Connect, daemon: Daemon, person: Person) -> None:
    with connect(hint="none") as client:
        assert client.url() == daemon.public_url(person.name)


def test_it_is_presented_the_rsa_key_which_it_prefers(connect: Connect, daemon: Daemon) -> None:
    with connect() as client:
        shown = client.wait_for(r"host key (\S+) (\S+)")
        assert shown[1] == "ssh-rsa"
        assert shown[2] == fingerprints(daemon.ssh)["RSA"]


def test_cancel_ends_the_tunnel(connect: Connect) -> None:
    with connect() as client:
        url = client.url()
        client.write("cancel\n")
        client.wait_for("^canceled$")
        assert visit(url).status == 502


def test_a_refused_token_ends_it(go_binaries: Path, daemon: Daemon) -> None:
    with GoClient(go_binaries, daemon.ssh, "wrong", "localhost:1", reconnect=True) as client:
        client.wait_for("no supported methods remain")
        assert client.wait() == 1


@pytest.mark.parametrize("hint", ['{"protocol":"gopher"}', '{"protocol":', "[]"])
def test_a_hint_that_makes_no_sense_is_refused_with_a_text(connect: Connect, hint: str) -> None:
    with connect(hint=hint) as client:
        client.wait_for(r"hint refused: \S+")
        assert client.wait() == 1


def test_server_info_before_a_forward_is_refused_and_harmless(connect: Connect) -> None:
    with connect(info_first=True) as client:
        client.wait_for(r"server-info refused: \S+")
        assert visit(client.url()).status == 200


def test_server_info_of_another_protocol_is_refused_with_a_text(connect: Connect) -> None:
    with connect(hint='{"protocol":"tcp"}', protocol="http") as client:
        client.wait_for(r"server-info refused: \S+")


def test_it_comes_back_to_its_name(connect: Connect, daemon: Daemon, person: Person) -> None:
    url = daemon.public_url(person.name)
    with connect() as client:
        assert client.url() == url
    with connect() as client:
        assert client.url() == url
    until(lambda: visit(url).status == 502, "the name is free")
