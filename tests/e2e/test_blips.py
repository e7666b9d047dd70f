"""Blips under load: two hundred requests a second while clients die and the server restarts."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.crowd import PACE, VISITORS, Crowd
from support.daemon import Daemon, Person
from support.origin import Origin
from support.pgrok import Client
from support.systemd import held_sockets

Start = Callable[..., Any]


@pytest.mark.parametrize(
    ("kind", "seconds", "kills"), [("pgrok", 2, 4), ("go", 1, 2), ("ssh", 1, 2)]
)
def test_a_client_that_is_killed_again_and_again_costs_no_request(
    kind: str,
    seconds: int,
    kills: int,
    daemon: Daemon,
    person: Person,
    start: Start,
    origin: Origin,
) -> None:
    client = start(kind, origin.http)
    url = client.url()
    crowd = Crowd(url)
    with crowd.at_work() as tally:
        for _ in range(kills):
            crowd.await_answers(seconds * PACE)
            client.kill()
            client = start(kind, origin.http)
            assert client.url() == url
        crowd.await_answers(PACE)
    print(kind, tally)
    assert tally.cut <= VISITORS * kills


@pytest.fixture
def server(tmp_path: Path) -> Daemon:
    return Daemon(tmp_path, f"sqlite:///{tmp_path}/pgrok.db")


def test_a_restart_is_a_pause(server: Daemon, tmp_path: Path, origin: Origin) -> None:
    """Without sockets that somebody holds: who finds nobody listening comes again."""
    restart(server, tmp_path, origin, patient=True)


def test_a_restart_with_held_sockets_is_a_pause_and_refuses_nobody(
    server: Daemon, tmp_path: Path, origin: Origin
) -> None:
    with held_sockets(server):
        restart(server, tmp_path, origin, patient=False)


def restart(server: Daemon, folder: Path, origin: Origin, *, patient: bool) -> None:
    token = server.add("alice").token
    with ExitStack() as stack:
        with server.running() as first:
            client = Client(folder, server.ssh, token, "http", str(origin.http))
            url = stack.enter_context(client).url()
            crowd = Crowd(url, patient=patient)
            tally = stack.enter_context(crowd.at_work())
            crowd.await_answers(PACE)
            first.send(signal.SIGTERM)
            assert first.wait() == 0
        with server.running():
            assert client.url(count=2) == url
            crowd.await_answers(PACE)
            stack.close()
            print(tally)
            assert tally.cut == 0
