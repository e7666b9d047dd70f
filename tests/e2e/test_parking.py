"""A blip costs no request: clients die and servers restart under two hundred requests a second."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import pytest

from support.crowd import PACE, VISITORS, Crowd, Tally
from support.daemon import Daemon, Person
from support.origin import Origin
from support.pgrok import Client
from support.systemd import held_sockets
from support.visitor import connect, send, visit

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
    assert tally.cut <= VISITORS * kills


@pytest.mark.parametrize("framing", ["", "&chunked=1"], ids=["length", "chunks"])
@pytest.mark.parametrize("kind", ["pgrok", "go", "ssh"])
def test_an_answer_that_had_begun_when_its_client_died_is_cut_and_shows_it(
    kind: str, framing: str, start: Start, origin: Origin
) -> None:
    client = start(kind, origin.http)
    url = client.url()
    connection = connect(url)
    response = send(connection, f"{url}/bytes?n=100000000{framing}")
    assert len(response.read(10_000)) == 10_000
    client.kill()
    with pytest.raises((IncompleteRead, ConnectionResetError)):
        response.read()
    connection.close()


def test_a_client_that_says_goodbye_is_not_waited_for(start: Start, origin: Origin) -> None:
    client = start("pgrok", origin.http)
    url = client.url()
    client.stop(signal.SIGINT)
    answer = visit(url)
    assert (answer.status, answer.fields["X-Pgrok-Error"]) == (502, "no-tunnel")


@pytest.fixture
def server(tmp_path: Path) -> Daemon:
    return Daemon(tmp_path, f"sqlite:///{tmp_path}/pgrok.db")


def test_a_restart_is_a_pause(server: Daemon, tmp_path: Path, origin: Origin) -> None:
    """Nobody holds the sockets meanwhile: visitors who find nobody listening come again."""
    assert restart(server, tmp_path, origin, patient=True).cut == 0


def test_a_restart_with_sockets_that_are_held_is_a_pause_and_refuses_nobody(
    server: Daemon, tmp_path: Path, origin: Origin
) -> None:
    with held_sockets(server):
        assert restart(server, tmp_path, origin, patient=False).cut == 0


def restart(server: Daemon, folder: Path, origin: Origin, *, patient: bool) -> Tally:
    """Restart the server under load; return what became of the requests."""
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
    return tally
