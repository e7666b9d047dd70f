"""Processes that are killed or stopped, whatever they were doing, and what others see of it."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from support.daemon import Daemon, Person
from support.faults import FaultRelay, Faults
from support.house import new_database
from support.midst import STAGES, Midst, Outcome
from support.mortal import Mortal
from support.pgrok import Client
from support.visitor import echo, port_of, visit
from support.vitals import Vitals, nothing_is_left

Tunnel = Callable[[str], Client]

DURING = pytest.mark.parametrize("stage", STAGES)
UNANSWERED = ("request", "upload")

OPENING = ("identification", "key exchange", "password", "hint", "forward", "server-info")
"""What of a client does not arrive any more."""


@pytest.fixture(scope="module")
def person(daemon: Daemon) -> Person:
    """Somebody who has at most one tunnel of a kind at a time."""
    return daemon.add("of-faults")


@pytest.fixture
def target() -> Iterator[Mortal]:
    with Mortal() as target:
        yield target


@pytest.fixture
def tunnel(tmp_path: Path, daemon: Daemon, person: Person, target: Mortal) -> Iterator[Tunnel]:
    """Start a client with the tunnel that a stage needs; it has served somebody then."""
    with ExitStack() as stack:
        yield lambda stage: stack.enter_context(start(tmp_path, daemon.ssh, person, target, stage))


def start(folder: Path, ssh: int, person: Person, target: Mortal, stage: str) -> Client:
    protocol = "tcp" if STAGES[stage].stream else "http"
    client = Client(folder, ssh, person.token, protocol, str(target.port))
    works(client.url())
    return client


def works(url: str) -> None:
    """Visit the tunnel."""
    if url.startswith("tcp"):
        assert echo(port_of(url), b"as ever") == b"as ever"
    else:
        assert visit(url).text == "as ever"


def is_told(outcome: Outcome, stage: str) -> bool:
    """Whether a visitor knows that something went wrong, and has not got more than there was."""
    if stage in UNANSWERED:
        return outcome.error in {"502 target-down", "502 tunnel-lost"}
    return outcome.is_cut


Moments = dict[str, int]


@pytest.fixture(scope="module")
def moments(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Moments:
    """After how many octets of a client the next ones are those of each moment."""
    folder, token = tmp_path_factory.mktemp("moments"), daemon.add("moments").token
    with (
        FaultRelay(daemon.ssh) as relay,
        Client(folder, relay.port, token, "http", "1") as client,
    ):
        client.url()
        # For the answer to each of its requests a client waits, so that they come one by one.
        reads = relay.reads("up")
    later = {name: sum(reads[: -4 + place]) for place, name in enumerate(OPENING[2:])}
    return {"identification": 0, "key exchange": 100, **later}


@contextmanager
def held(server: Daemon, octets: int) -> Iterator[FaultRelay]:
    """Let so many octets of a client through to the server, and no more."""
    with FaultRelay(server.ssh) as relay:
        relay.set(up=Faults(hold_after=octets))
        yield relay


class TestKilled:
    @DURING
    def test_a_client(self, stage: str, daemon: Daemon, tunnel: Tunnel, target: Mortal) -> None:
        client = tunnel(stage)
        url = client.url()
        with nothing_is_left(daemon.process, target), Midst(url, stage, target) as visitor:
            client.kill()
            assert is_told(visitor.outcome(), stage)
            assert tunnel(stage).url() == url

    @DURING
    def test_a_target(self, stage: str, daemon: Daemon, tunnel: Tunnel, target: Mortal) -> None:
        client = tunnel(stage)
        with nothing_is_left(daemon.process, client):
            with Midst(client.url(), stage, target) as visitor:
                target.kill()
                outcome = visitor.outcome()
            # Its system ends its connections as if that had been meant.
            ended = stage in ("response until the end", "websocket", "stream")
            assert is_told(outcome, stage) or ended
            if not STAGES[stage].stream:
                answer = visit(client.url())
                assert answer.fields["X-Pgrok-Error"] == "target-down"
                assert f"Nothing is listening on localhost:{target.port}." in answer.text
            with Mortal(target.port):
                works(client.url())

    def test_a_server(self, tmp_path: Path, target: Mortal) -> None:
        server = Daemon(tmp_path, new_database(tmp_path))
        alice = server.add("alice")
        with ExitStack() as stack:
            with server.running():
                clients = {
                    stream: stack.enter_context(start(tmp_path, server.ssh, alice, target, stage))
                    for stream, stage in ((False, "request"), (True, "stream"))
                }
                urls = {stream: client.url() for stream, client in clients.items()}
                vitals = Vitals(*clients.values(), target)
                visitors = {
                    stage: stack.enter_context(Midst(urls[what.stream], stage, target))
                    for stage, what in STAGES.items()
                }
            for stage, visitor in visitors.items():
                outcome = visitor.outcome()
                without_length = (*UNANSWERED, "websocket", "stream")
                assert outcome.is_cut or (stage in without_length and not outcome.error)
            with server.running():
                for stream, client in clients.items():
                    assert client.url(count=2) == urls[stream]
                    works(urls[stream])
                    client.wait_for("^Not connected: .*Trying again in")
                vitals.check()


class TestWhileOpening:
    @pytest.mark.parametrize("moment", OPENING)
    def test_a_client_is_killed(
        self, moment: str, moments: Moments, tmp_path: Path, daemon: Daemon, person: Person
    ) -> None:
        with nothing_is_left(daemon.process), held(daemon, moments[moment]) as relay:
            with Client(tmp_path, relay.port, person.token, "http", "1"):
                relay.wait_held("up")
            relay.close()
            with Client(tmp_path, daemon.ssh, person.token, "http", "1") as newcomer:
                assert newcomer.url() == daemon.public_url(person.name)

    def test_a_server_is_killed(self, moments: Moments, tmp_path: Path) -> None:
        server = Daemon(tmp_path, new_database(tmp_path))
        token = server.add("alice").token
        clients = {}
        with ExitStack() as stack:
            with server.running():
                for moment, octets in moments.items():
                    relay = stack.enter_context(held(server, octets))
                    client = Client(tmp_path / moment, relay.port, token, "http", "1")
                    clients[moment] = stack.enter_context(client)
                    relay.wait_held("up")
            for moment, client in clients.items():
                assert (moment, client.wait()) == (moment, 3)
                assert re.search("^pgrok: .*(lost|closed|ended|reset)", client.output, re.MULTILINE)
                assert "Traceback" not in client.output


class TestStopped:
    """A process that stops for a while and goes on costs time and nothing else."""

    @pytest.mark.parametrize("stage", ["websocket", "stream"])
    @pytest.mark.parametrize("victim", ["client", "target", "server"])
    def test_for_a_while(
        self, victim: str, stage: str, daemon: Daemon, tunnel: Tunnel, target: Mortal
    ) -> None:
        client = tunnel(stage)
        url = client.url()
        stopped = {"client": client, "target": target, "server": daemon.process}[victim]
        with nothing_is_left(client, daemon.process), Midst(url, stage) as visitor:
            stopped.send(signal.SIGSTOP)
            try:
                visitor.send(b"meanwhile")
                newcomer = Midst(url, url.partition(":")[0])
            finally:
                stopped.send(signal.SIGCONT)
            visitor.read_until(b"meanwhile")
            newcomer.read_until(b"as ever")
            newcomer.leave()
