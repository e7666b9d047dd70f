"""What people do with `pgrok` besides a plain tunnel."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.certificates import make_certificate
from support.daemon import Daemon, Person
from support.origin import Origin
from support.pgrok import Client
from support.ports import free_port
from support.processes import BIN, run
from support.ssh import CTRL_C
from support.visitor import visit

Connect = Callable[..., Client]


@pytest.fixture
def connect(tmp_path: Path, daemon: Daemon, person: Person) -> Connect:
    """Run our client with some arguments and settings for the person."""
    return lambda *arguments, **settings: Client(
        tmp_path, daemon.ssh, person.token, *arguments, **settings
    )


@pytest.mark.parametrize("command", [[], ["http"]])
def test_the_address_may_come_from_the_settings(
    connect: Connect, origin: Origin, command: list[str]
) -> None:
    with connect(*command, forward_addr=f"localhost:{origin.http}") as client:
        assert visit(client.url()).status == 200


def test_an_address_without_a_command(connect: Connect, origin: Origin) -> None:
    with connect(str(origin.http)) as client:
        assert visit(client.url()).status == 200


def test_requests_go_by_path(connect: Connect, origin: Origin) -> None:
    rules = f"/api http://localhost:{origin.http}/base\n/api/v2 http://localhost:{origin.http}/two"
    with connect("http", str(origin.http), dynamic_forwards=rules) as client:
        url = client.url()
        for path, target in {
            "/x": "/x",
            "/apix": "/apix",
            "/api": "/base/api",
            "/api/x?y=z": "/base/api/x?y=z",
            "/api/v2/x": "/two/api/v2/x",
        }.items():
            assert visit(f"{url}{path}").json()["target"] == target


def test_a_targets_path_comes_first(connect: Connect, origin: Origin) -> None:
    with connect("http", f"http://localhost:{origin.http}/base") as client:
        assert visit(f"{client.url()}/x").json()["target"] == "/base/x"


def test_an_https_target_must_be_trusted(connect: Connect, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "origin.pem")
    with Origin(certificate=certificate) as secure:
        target = f"https://localhost:{secure.http}"
        with connect("http", target, env={"SSL_CERT_FILE": str(certificate)}) as client:
            assert visit(f"{client.url()}/x").json()["target"] == "/x"
        with connect("http", target) as client:
            assert visit(f"{client.url()}/x").fields["X-Pgrok-Error"] == "target-down"


def test_each_request_is_logged(connect: Connect, origin: Origin) -> None:
    with connect("http", str(origin.http)) as client:
        visit(f"{client.url()}/some/path")
        client.wait_for(r"/some/path.*200|200.*/some/path")


def test_each_mistake_has_its_message_and_status(
    connect: Connect, tmp_path: Path, daemon: Daemon, person: Person
) -> None:
    mistakes = {
        "token": Client(tmp_path / "1", daemon.ssh, "wrong", "http", "1"),
        "refused|reach|listening": Client(tmp_path / "2", free_port(), person.token, "http", "1"),
        "line 2": connect("http", "1", dynamic_forwards="/a http://localhost:1\n/b"),
    }
    statuses = set()
    for pattern, client in mistakes.items():
        with client:
            client.wait_for(f"(?i){pattern}")
            statuses.add(client.wait())
        assert "Traceback" not in client.output
        assert person.token not in client.output
    assert len(statuses) == len(mistakes)
    assert 0 not in statuses


def test_ctrl_c_ends_it_at_once(connect: Connect, origin: Origin) -> None:
    with connect("http", str(origin.http), terminal=True) as client:
        client.wait_for("You're ready to go live")
        pressed = time.monotonic()
        client.write(CTRL_C)
        client.wait()
        assert time.monotonic() - pressed < 0.5
    assert "Traceback" not in client.output


def test_help_comes_at_once() -> None:
    def duration() -> float:
        started = time.monotonic()
        run(BIN / "pgrok", "--help")
        return time.monotonic() - started

    assert min(duration() for _ in range(5)) < 0.3
