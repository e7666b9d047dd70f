"""Ghosts: clients that hold a name and are gone without a closed socket (leases).

A ghost is a process that was stopped, or one whose cable was pulled.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from support.cable import Cable
from support.daemon import Daemon, Person
from support.distance import Distance
from support.go import GoClient
from support.origin import Origin
from support.pgrok import Client
from support.processes import Process, until
from support.ssh import SSH
from support.visitor import visit

Start = Callable[..., Any]
Tunnel = Client | GoClient | SSH

KINDS = ("pgrok", "go", "ssh")

OURS_WITHIN = 1.0
"""Seconds from its sign-in until a client of ours that comes back has its name."""

OTHERS_WITHIN = 3.0
"""The same of all others, for whom the ghost has to be asked."""

SLACK = 1.0
"""For a machine that is busy with other things."""


def seconds_to_tunnel(process: Process, person: Person, count: int) -> float:
    """Return how long the last sign-in of a person took to become their `count`th tunnel."""
    pattern = rf'^.*"person": "{person.name}".*"event": "{{}}".*$'
    up = json.loads(process.wait_for(pattern.format("tunnel up"), count=count)[0])
    signed_in = re.findall(pattern.format("signed in"), process.output, re.MULTILINE)
    began = json.loads(signed_in[count - 1])
    times = [datetime.fromisoformat(line["timestamp"]) for line in (began, up)]
    return (times[1] - times[0]).total_seconds()


def is_alternative(url: str, person: Person) -> bool:
    return re.match(rf"http://[0-9a-f]{{32}}-{person.name}\.", url) is not None


class Ghosted:
    """Visitors who asked a ghost: one on a channel that it had, one on a new one."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self._pool = stack.enter_context(ThreadPoolExecutor(2))
        self._answers = [self._pool.submit(visit, f"{url}/asked-a-ghost") for _ in range(2)]

    def check(self) -> None:
        """They are all answered after all."""
        for answer in self._answers:
            assert answer.result().json()["target"] == "/asked-a-ghost"


class TestStopped:
    @pytest.mark.parametrize("kind", KINDS)
    def test_its_name_is_back_soon_and_with_it_who_asked_meanwhile(
        self, kind: str, daemon: Daemon, person: Person, start: Start, origin: Origin
    ) -> None:
        url = daemon.public_url(person.name)
        ghost = start(kind, origin.http)
        assert ghost.url() == url
        assert visit(url).status == 200
        ghost.send(signal.SIGSTOP)
        with ExitStack() as stack:
            visitors = Ghosted(url, stack)
            assert start(kind, origin.http).url() == url
            visitors.check()
        seconds = seconds_to_tunnel(daemon.process, person, 2)
        assert seconds <= OTHERS_WITHIN + SLACK
        ghost.kill()

    @pytest.mark.parametrize("kind", KINDS)
    def test_one_that_wakes_up_leaves_the_name_to_its_holder(
        self, kind: str, daemon: Daemon, person: Person, start: Start, origin: Origin
    ) -> None:
        ghost = start(kind, origin.http)
        url = ghost.url()
        ghost.send(signal.SIGSTOP)
        holder = start(kind, origin.http)
        assert holder.url() == url
        ghost.send(signal.SIGCONT)
        if kind == "pgrok":
            assert is_alternative(ghost.url(count=2), person)
            assert visit(ghost.url(count=2)).status == 200
        else:
            assert ghost.wait() != 0
        assert visit(url).status == 200
        assert "replaced" not in holder.output
        assert holder.running

    def test_two_newcomers_at_once_get_two_names(
        self, daemon: Daemon, person: Person, start: Start, origin: Origin
    ) -> None:
        ghost = start("go", origin.http)
        url = ghost.url()
        ghost.send(signal.SIGSTOP)
        newcomers = [start(kind, origin.http) for kind in ("go", "ssh")]
        urls = sorted((newcomer.url() for newcomer in newcomers), key=len)
        assert urls[0] == url
        assert is_alternative(urls[1], person)
        assert [visit(url).status for url in urls] == [200, 200]
        ghost.kill()


@pytest.fixture(scope="module")
def cable() -> Iterator[Cable]:
    with Cable() as cable:
        yield cable


@pytest.fixture(scope="module")
def reachable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A server whose clients may be at the other end of a cable."""
    folder = tmp_path_factory.mktemp("reachable")
    daemon = Daemon(folder, f"sqlite:///{folder}/pgrok.db", ssh_host="0.0.0.0")
    with daemon.running():
        yield daemon


@pytest.fixture
def start_far(
    cable: Cable, reachable: Daemon, go_binaries: Path, tmp_path: Path
) -> Callable[[str, Person, int], Tunnel]:
    """Start a client at the other end of the cable."""
    server = f"{cable.near}:{reachable.ssh}"

    def start(kind: str, person: Person, target: int) -> Tunnel:
        if kind == "pgrok":
            return Client(tmp_path, 0, person.token, "http", str(target), remote_addr=server)
        if kind == "go":
            address = f"localhost:{target}"
            return GoClient(go_binaries, 0, person.token, address, remote_addr=server)
        host = f"-oHostName={cable.near}"
        return SSH(tmp_path, reachable.ssh, person.token, target, host)

    return start


class TestUnplugged:
    """Links are down, and no packet says so."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_its_name_is_back_soon_and_with_it_who_asked_meanwhile(
        self,
        kind: str,
        cable: Cable,
        reachable: Daemon,
        starter: Start,
        start_far: Start,
        origin: Origin,
    ) -> None:
        person = reachable.add(f"unplugged-{kind}")
        url = reachable.public_url(person.name)
        cable.plug_in()
        with ExitStack() as stack:
            with cable.inside():
                ghost = stack.enter_context(start_far(kind, person, origin.http))
            assert ghost.url() == url
            cable.pull()
            visitors = Ghosted(url, stack)
            assert starter(kind, reachable.ssh, person.token, origin.http).url() == url
            visitors.check()
        seconds = seconds_to_tunnel(reachable.process, person, 2)
        assert seconds <= OTHERS_WITHIN + SLACK

    def test_ours_comes_back_from_another_network_and_has_its_name_at_once(
        self, cable: Cable, reachable: Daemon, start_far: Start
    ) -> None:
        person = reachable.add("moved")
        url = reachable.public_url(person.name)
        cable.plug_in()
        with ExitStack() as stack:
            with cable.inside():
                origin = stack.enter_context(Origin())
                client = stack.enter_context(start_far("pgrok", person, origin.http))
            assert client.url() == url
            assert visit(url).status == 200
            cable.pull()
            visitors = Ghosted(url, stack)
            cable.plug_in(place=2)
            assert client.url(count=2) == url
            visitors.check()
        seconds = seconds_to_tunnel(reachable.process, person, 2)
        assert seconds <= OURS_WITHIN


def test_holders_that_are_far_away_keep_their_names(
    daemon: Daemon, starter: Start, origin: Origin
) -> None:
    """Half a second there and back."""
    people = [daemon.add(f"far-away-{kind}") for kind in KINDS]
    urls = [daemon.public_url(person.name) for person in people]
    with Distance(daemon.ssh, 0.25) as distance:
        far = [
            starter(kind, distance.port, person.token, origin.http)
            for kind, person in zip(KINDS, people, strict=True)
        ]
        assert [holder.url() for holder in far] == urls
        near = [starter("go", daemon.ssh, person.token, origin.http) for person in people]
        for newcomer, person in zip(near, people, strict=True):
            assert is_alternative(newcomer.url(), person)
        assert [visit(url).status for url in urls] == [200] * len(urls)


def test_a_second_tunnel_of_ours_keeps_its_alternative_name(
    daemon: Daemon, person: Person, start: Start, starter: Start, origin: Origin
) -> None:
    start("pgrok", origin.http).url()
    with Distance(daemon.ssh) as distance:
        second = starter("pgrok", distance.port, person.token, origin.http)
        url = second.url()
        assert is_alternative(url, person)
        for count in (2, 3):
            distance.cut()
            assert second.url(count=count) == url
            until(lambda: visit(url).status == 200, "it is served again")
