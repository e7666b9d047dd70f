"""Peers that fall silent while no socket closes: all deadlines are waited for at once.

Keepalives are 11 s apart, and three may stay without an answer; nobody is believed for longer.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.cable import Cable
from support.daemon import Daemon
from support.faults import STALLED, FaultRelay, Faults
from support.house import new_database
from support.midst import STAGES, Midst
from support.mortal import Mortal
from support.pgrok import Client
from support.postgres import PostgresServer
from support.processes import Process, until
from support.visitor import echo, port_of, visit
from support.vitals import Vitals

SILENT = 44.0
"""Seconds after which a peer counts as dead (`transport.options`)."""
CONNECTING = 15.0
OPENING = 30.0
"""Seconds that a client waits for a connection, and then for its tunnel."""
AWAY = 60.0
"""Seconds for which PostgreSQL is away."""
SLACK = 15.0
"""Seconds for a machine that is busy with other things."""

PROTOCOLS = ("http", "tcp")


@dataclass
class Scene:
    """Who falls silent at `began`, and who notices."""

    stack: ExitStack
    folder: Path
    target: Mortal
    began: float = 0.0
    visitors: dict[tuple[str, str], Midst] = field(default_factory=dict)

    def left(self, seconds: float) -> float:
        """How much is left of so many seconds since the silence began."""
        return max(self.began + seconds + SLACK - time.monotonic(), 1.0)

    def server(self, name: str, database: str = "") -> Daemon:
        """Start a server; its person is called like it."""
        folder = self.folder / name
        folder.mkdir()
        server = Daemon(folder, database or new_database(folder), ssh_host="0.0.0.0")
        self.stack.enter_context(server.running())
        return server

    def clients(self, name: str, token: str, ssh: int) -> list[Client]:
        """Start a client of each kind, and have visitors at every stage of their tunnels."""
        clients = {
            protocol: self.client(f"{name}-{protocol}", token, ssh, protocol)
            for protocol in PROTOCOLS
        }
        for stage, what in STAGES.items():
            url = clients["tcp" if what.stream else "http"].url()
            visitor = self.stack.enter_context(Midst(url, stage, self.target))
            self.visitors[name, stage] = visitor
        return list(clients.values())

    def client(self, name: str, token: str, ssh: int, protocol: str = "http") -> Client:
        client = Client(self.folder / name, ssh, token, protocol, str(self.target.port))
        return self.stack.enter_context(client)

    def check_visitors(self, name: str) -> None:
        """See that all of these are told in time."""
        for stage in STAGES:
            outcome = self.visitors[name, stage].outcome(self.left(SILENT))
            assert outcome.is_cut or outcome.error == "502 tunnel-lost", (stage, outcome)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with ExitStack() as stack:
        target = stack.enter_context(Mortal())
        yield Scene(stack, tmp_path_factory.mktemp("silence"), target)


@dataclass(frozen=True)
class Unplugged:
    """A client at the end of a cable, and a visitor of its tunnel."""

    cable: Cable
    client: Client
    visitor: Midst


def unplugged(scene: Scene, token: str, ssh: int) -> Unplugged:
    """Start one, still plugged in."""
    cable = scene.stack.enter_context(Cable())
    with cable.inside():
        target = scene.stack.enter_context(Mortal())
        client = Client(
            scene.folder / "unplugged", 0, token, "http", str(target.port),
            remote_addr=f"{cable.near}:{ssh}",
        )  # fmt: skip
    scene.stack.enter_context(client)
    visitor = scene.stack.enter_context(Midst(client.url(), "response"))
    return Unplugged(cable, client, visitor)


@dataclass(frozen=True)
class Cast:
    """The processes of the scene."""

    server: Daemon
    vitals: Vitals
    stopped: list[Client]
    unreachable: list[Client]
    relay: FaultRelay
    unplugged: Unplugged
    stopped_server: Process
    deserted: list[Client]
    newcomers: dict[str, Client]
    postgres: PostgresServer
    on_postgres: Daemon
    served: Client


@pytest.fixture(scope="module")
def cast(scene: Scene) -> Cast:
    """Everything, at the moment at which the silence begins."""
    stack = scene.stack
    server, mute_server = scene.server("server"), scene.server("stopped-server")
    postgres = stack.enter_context(PostgresServer())
    on_postgres = scene.server("on-postgres", postgres.create_database())
    tokens = {name: server.add(name).token for name in ("stopped", "unreachable", "held", "far")}
    token = mute_server.add("deserted").token
    relay, held = (stack.enter_context(FaultRelay(server.ssh)) for _ in range(2))
    unreachable = scene.clients("unreachable", tokens["unreachable"], relay.port)
    vitals = Vitals(server.process, *unreachable)
    stopped = scene.clients("stopped", tokens["stopped"], server.ssh)
    far = unplugged(scene, tokens["far"], server.ssh)
    deserted = [scene.client("deserted", token, mute_server.ssh)]
    served = scene.client("served", on_postgres.add("served").token, on_postgres.ssh)
    for client in (*deserted, served):
        client.url()
    # From the forward on, the server hears nothing.
    with scene.client("measured", tokens["held"], held.port) as measured:
        measured.url()
        octets = sum(held.reads("up")[:-2])
    held.set(up=Faults(hold_after=octets))

    scene.began = time.monotonic()
    for process in (*stopped, mute_server.process):
        process.send(signal.SIGSTOP)
    relay.set(up=STALLED, down=STALLED)
    far.cable.pull()
    postgres.crash()
    newcomers = {
        "connecting": scene.client("connecting", token, mute_server.ssh),
        "opening": scene.client("opening", tokens["held"], held.port),
    }
    return Cast(
        server, vitals, stopped, unreachable, relay, far, mute_server.process, deserted, newcomers,
        postgres, on_postgres, served,
    )  # fmt: skip


def test_a_server_that_does_not_answer_ends_the_first_attempt(scene: Scene, cast: Cast) -> None:
    client = cast.newcomers["connecting"]
    assert client.wait(scene.left(CONNECTING)) == 3
    client.wait_for("^pgrok: .* did not answer within 15 seconds")
    assert "Traceback" not in client.output


def test_and_one_that_opens_no_tunnel(scene: Scene, cast: Cast) -> None:
    client = cast.newcomers["opening"]
    assert client.wait(scene.left(OPENING)) == 3
    client.wait_for("^pgrok: the server opened no tunnel within 30 seconds")
    assert "Traceback" not in client.output


def test_a_stopped_client_is_given_up_and_its_visitors_are_told(scene: Scene, cast: Cast) -> None:
    scene.check_visitors("stopped")
    cast.server.process.wait_for(
        '"person": "stopped", "event": "left"', count=2, timeout=scene.left(SILENT)
    )


def test_so_is_one_whose_network_is_gone(scene: Scene, cast: Cast) -> None:
    scene.check_visitors("unreachable")
    for client in cast.unreachable:
        client.wait_for("^Not connected: .*Trying again in", timeout=scene.left(SILENT))


def test_and_one_whose_cable_was_pulled(scene: Scene, cast: Cast) -> None:
    far = cast.unplugged
    assert far.visitor.outcome(scene.left(SILENT)).is_cut
    far.client.wait_for("^Not connected: .*Trying again in", timeout=scene.left(SILENT))
    far.cable.plug_in()
    assert far.client.url(count=2) == far.client.url()
    assert visit(far.client.url()).text == "as ever"
    far.client.kill()


def test_a_stopped_server_is_given_up_too(scene: Scene, cast: Cast) -> None:
    for client in cast.deserted:
        client.wait_for("^Not connected: .*Trying again in", timeout=scene.left(SILENT))
        cast.stopped_server.send(signal.SIGCONT)
        assert visit(client.url(count=2)).text == "as ever"


def test_whose_network_is_back_comes_back_to_the_same_place(scene: Scene, cast: Cast) -> None:
    cast.relay.heal()
    for client in cast.unreachable:
        url = client.url(count=2)
        assert url == client.url()
        if url.startswith("tcp"):
            assert echo(port_of(url), b"as ever") == b"as ever"
        else:
            assert visit(url).text == "as ever"
    for client in cast.stopped:
        client.kill()
    cast.vitals.check()


def test_postgresql_may_be_away_for_a_minute(scene: Scene, cast: Cast) -> None:
    server, client = cast.on_postgres, cast.served
    assert visit(client.url()).text == "as ever"
    until(lambda: time.monotonic() >= scene.began + AWAY, "a minute has passed", timeout=AWAY)
    assert visit(f"{server.external_url}/-/ready").status == 503
    cast.postgres.start()
    until(lambda: visit(f"{server.external_url}/-/ready").status == 200, "it is ready again")
    # It hears of what happens in the database again.
    server.command("user", "remove", "served", "--yes")
    assert client.wait() == 4
    assert "Traceback" not in server.process.output
