"""Plain `ssh`, as a person without our client uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.daemon import Daemon, Person
from support.origin import Origin
from support.processes import until
from support.ssh import CTRL_C, CTRL_D, SSH, fingerprints
from support.visitor import visit

Connect = Callable[..., SSH]


@pytest.fixture
def connect(tmp_path: Path, daemon: Daemon, person: Person, origin: Origin) -> Connect:
    """Run `ssh` with some options for the person and the application."""
    return lambda *options, terminal=False: SSH(
        tmp_path, daemon.ssh, person.token, origin.http, *options, terminal=terminal
    )


def test_with_n_it_forwards_and_says_nothing(
    connect: Connect, daemon: Daemon, person: Person
) -> None:
    url = daemon.public_url(person.name)
    with connect("-N") as ssh:
        until(lambda: visit(url).status == 200, "the tunnel is up")
    until(lambda: visit(url).status == 502, "the name is free")
    assert "http" not in ssh.output


def test_without_n_it_prints_the_url(connect: Connect, daemon: Daemon, person: Person) -> None:
    with connect() as ssh:
        assert ssh.url() == daemon.public_url(person.name)
        assert visit(ssh.url()).status == 200


def test_without_a_forward_it_says_what_is_missing(connect: Connect) -> None:
    with connect("-o", "ClearAllForwardings=yes") as ssh:
        ssh.wait_for(r"There is no tunnel\. .* add -R 0:localhost:3000")


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["ctrl-c", "ctrl-d"])
def test_on_a_terminal_a_key_ends_it(connect: Connect, key: str) -> None:
    with connect(terminal=True) as ssh:
        url = ssh.url()
        assert visit(url).status == 200
        ssh.write(key)
        assert ssh.wait() == 0
    until(lambda: visit(url).status == 502, "the name is free")


def test_with_n_on_a_terminal_ctrl_c_ends_it(
    connect: Connect, daemon: Daemon, person: Person
) -> None:
    url = daemon.public_url(person.name)
    with connect("-N", terminal=True) as ssh:
        until(lambda: visit(url).status == 200, "the tunnel is up")
        ssh.write(CTRL_C)
        ssh.wait()
    until(lambda: visit(url).status == 502, "the name is free")


def test_a_wrong_token(tmp_path: Path, daemon: Daemon) -> None:
    with SSH(tmp_path, daemon.ssh, "wrong", 1, "-N") as ssh:
        ssh.wait_for(r"Permission denied \(password\)")
        assert ssh.wait() == 255


def test_a_port_of_ones_own_choice_is_refused(
    tmp_path: Path, daemon: Daemon, person: Person
) -> None:
    options = ("-N", "-oExitOnForwardFailure=yes", "-R", "8080:localhost:1")
    with SSH(tmp_path, daemon.ssh, person.token, 1, *options) as ssh:
        ssh.wait_for("remote port forwarding failed for listen port 8080")
        assert ssh.wait() == 255


def test_commands_are_not_run(connect: Connect, tmp_path: Path) -> None:
    made = tmp_path / "made"
    with connect(f"-oRemoteCommand=touch {made}") as ssh:
        ssh.wait_for("exec request failed")
        assert ssh.wait() == 255
    assert not made.exists()


def test_the_host_keys(daemon: Daemon) -> None:
    assert set(fingerprints(daemon.ssh)) == {"RSA", "ED25519"}
