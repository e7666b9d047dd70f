"""Databases that go away, fill up or hang: what is up stays up, and who comes is told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from support.daemon import Daemon, Person
from support.faults import STALLED, FaultRelay
from support.house import new_database
from support.midst import Midst
from support.mortal import Mortal
from support.pgrok import Client
from support.postgres import PostgresServer
from support.processes import run, until
from support.visitor import visit
from support.vitals import nothing_is_left

TOLD_WITHIN = 15.0
"""Seconds until a client gives up, who has been told what is wrong before."""

GIVES_UP_WITHIN = 30.0
"""Seconds in which a server ends that finds no database; on an idle machine ten."""

CONNECTIONS = 12
"""How many PostgreSQL serves, of which pgrokd takes six at most."""
POOLED = 4
"""How many more than one pgrokd keeps for the next time that it needs them."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server that may be ended."""
    with PostgresServer(
        max_connections=str(CONNECTIONS), superuser_reserved_connections="0"
    ) as server:
        yield server


@pytest.fixture(scope="module")
def path_to_it(postgres: PostgresServer) -> Iterator[FaultRelay]:
    """The network between pgrokd and PostgreSQL."""
    with FaultRelay(postgres.port) as relay:
        yield relay


@pytest.fixture(scope="module")
def server(
    postgres: PostgresServer, path_to_it: FaultRelay, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    url = postgres.create_database().replace(f":{postgres.port}/", f":{path_to_it.port}/")
    daemon = Daemon(tmp_path_factory.mktemp("server"), url)
    with daemon.running():
        yield daemon


@pytest.fixture(scope="module")
def alice(server: Daemon) -> Person:
    return server.add("alice")


@pytest.fixture(scope="module")
def target() -> Iterator[Mortal]:
    with Mortal() as target:
        yield target


Fault = Callable[[PostgresServer, FaultRelay], AbstractContextManager[None]]


@contextmanager
def killed(postgres: PostgresServer, _: FaultRelay) -> Iterator[None]:
    postgres.crash()
    try:
        yield
    finally:
        postgres.start()


def stopped(postgres: PostgresServer, _: FaultRelay) -> AbstractContextManager[None]:
    return postgres.frozen()


@contextmanager
def stalled(_: PostgresServer, relay: FaultRelay) -> Iterator[None]:
    relay.set(up=STALLED, down=STALLED)
    try:
        yield
    finally:
        relay.heal()


@contextmanager
def cut_off(_: PostgresServer, relay: FaultRelay) -> Iterator[None]:
    relay.refuse()
    relay.reset()
    try:
        yield
    finally:
        relay.heal()


@contextmanager
def occupied(postgres: PostgresServer, relay: FaultRelay) -> Iterator[None]:
    """Others have all connections that there are."""
    with ExitStack() as others:
        relay.refuse()
        relay.reset()
        until(lambda: occupy(postgres, others), "all connections are taken")
        relay.heal()
        yield


def occupy(postgres: PostgresServer, others: ExitStack) -> bool:
    """Take a connection; whether there was none to take."""
    try:
        connection = psycopg.connect(postgres.url("postgres"))
    except psycopg.OperationalError as error:
        return "too many clients" in str(error)
    others.enter_context(contextlib.closing(connection))
    return False


FAULTS = pytest.mark.parametrize("fault", [killed, stopped, stalled, cut_off, occupied])


def is_ready(server: Daemon) -> bool:
    answer = visit(f"{server.external_url}/-/ready")
    assert answer.status in (200, 503)
    return answer.status == 200


class TestPostgreSQL:
    @FAULTS
    def test_it_goes_and_comes_back(
        self,
        fault: Fault,
        postgres: PostgresServer,
        path_to_it: FaultRelay,
        server: Daemon,
        alice: Person,
        target: Mortal,
        tmp_path: Path,
    ) -> None:
        def client(protocol: str) -> Client:
            return Client(tmp_path, server.ssh, alice.token, protocol, str(target.port))

        with ExitStack() as stack:
            tunnel = stack.enter_context(client("http"))
            visitor = stack.enter_context(Midst(tunnel.url(), "websocket"))
            with nothing_is_left(server.process, tunnel, pooled=POOLED):
                with fault(postgres, path_to_it):
                    with client("http") as late:
                        assert late.wait(TOLD_WITHIN) == 3
                        assert "the server cannot check tokens right now; try again" in late.output
                    assert not is_ready(server)
                    assert visit(f"{server.external_url}/-/healthcheck").text == "OK"
                    assert visit(tunnel.url()).text == "as ever"
                    visitor.send(b"meanwhile")
                    visitor.read_until(b"meanwhile")
                until(lambda: is_ready(server), "the server is ready again", timeout=60)
                revoked_is_noticed(server, tmp_path)
        assert "token not checked" in server.process.output

    @FAULTS
    def test_at_start(
        self, fault: Fault, postgres: PostgresServer, path_to_it: FaultRelay, tmp_path: Path
    ) -> None:
        url = postgres.create_database().replace(f":{postgres.port}/", f":{path_to_it.port}/")
        with fault(postgres, path_to_it), Daemon(tmp_path, url).start() as process:
            assert process.wait(GIVES_UP_WITHIN) == 1
            process.wait_for("The database .* does not answer: .*Check that it runs")
            assert "Traceback" not in process.output


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte; root's alone to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=1m", "pgrok", folder)
    yield folder
    run("umount", folder)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Leave no octet of it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(512))
    yield
    filler.unlink()


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """Let what is opened from now on be read and not written."""
    run("mount", "--bind", disk, disk)
    try:
        run("mount", "-o", "remount,bind,ro", disk)
        yield
    finally:
        run("umount", disk)


Trouble = Callable[[Path], AbstractContextManager[None]]
TROUBLES = pytest.mark.parametrize("trouble", [full, read_only])


class TestSQLite:
    @TROUBLES
    def test_on_a_disk_that_is(
        self, trouble: Trouble, disk: Path, target: Mortal, tmp_path: Path
    ) -> None:
        server = Daemon(tmp_path, new_database(disk))
        token = server.add("alice").token

        def client(protocol: str) -> Client:
            return Client(tmp_path, server.ssh, token, protocol, str(target.port))

        with server.running() as process, client("http") as tunnel:
            chat = Midst(tunnel.url(), "websocket")
            with chat, nothing_is_left(process, tunnel):
                with trouble(disk):
                    refused = server.command("user", "add", "bob", status=1)
                    assert "Traceback" not in refused
                    assert str(disk) in refused
                    assert visit(tunnel.url()).text == "as ever"
                    chat.send(b"meanwhile")
                    chat.read_until(b"meanwhile")
                    # To read tokens nothing is written, and where a port is kept is not vital.
                    with client("tcp") as late:
                        late.url()
                server.command("user", "add", "bob")
            assert process.stop() == 0

    @TROUBLES
    @pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
    def test_at_start(self, known: bool, trouble: Trouble, disk: Path, tmp_path: Path) -> None:
        url = new_database(disk) if known else f"sqlite:///{disk}/pgrokd.db"
        server = Daemon(tmp_path, url)
        with trouble(disk), server.start() as process:
            assert process.wait() == 1
            process.wait_for(f"The database {disk}/pgrokd.db .*Check the file")
            assert "Traceback" not in process.output
        with server.running():
            server.add("bob")


def revoked_is_noticed(server: Daemon, folder: Path) -> None:
    """See that the server hears of what others write in the database."""
    bob = server.add(f"bob-{folder.name}")
    with Client(folder, server.ssh, bob.token, "http", "1") as client:
        client.url()
        server.command("user", "remove", bob.name, "--yes")
        assert client.wait() != 0
