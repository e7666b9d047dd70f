"""A log that nobody reads stops nothing, and whoever reads it after all gets what was kept."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from support.daemon import Daemon
from support.origin import Origin
from support.pgrok import Client
from support.ports import LOOPBACK
from support.processes import PATIENCE
from support.visitor import visit

PIPE = 4096
"""Octets that the pipe takes, the least that Linux gives one."""

FILLER = b"\n" * PIPE

END_WITHIN = 8.0
"""Seconds for the end of a server that has clients to say goodbye to; on an idle machine one."""


class Pipe:
    """A pipe that is full from the start, as if a reader had stopped long ago."""

    def __init__(self) -> None:
        self.source, self.sink = os.pipe()
        assert fcntl.fcntl(self.sink, fcntl.F_SETPIPE_SZ, PIPE) == PIPE
        os.write(self.sink, FILLER)
        self._read = bytearray()
        self._reader = Thread(target=self._collect, daemon=True)

    def read_on(self) -> None:
        """Read what comes, until the end of it."""
        self._reader.start()

    def _collect(self) -> None:
        while data := os.read(self.source, PIPE):
            self._read += data

    def lines(self) -> list[str]:
        """Return all that came, after the end."""
        os.close(self.sink)
        self._reader.join(PATIENCE)
        return self._read.decode().split()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    os.close(pipe.source)


@pytest.fixture
def server(tmp_path: Path, pipe: Pipe) -> Daemon:
    """A server that writes its log into the pipe."""
    server = Daemon(tmp_path, f"sqlite:///{tmp_path}/pgrok.db", log={"level": "debug"})
    server.prefix = ["sh", "-c", f'exec "$@" 2>/dev/fd/{pipe.sink}', "sh"]
    server.descriptors = [pipe.sink]
    return server


@contextmanager
def used(server: Daemon, folder: Path, origin: Origin) -> Iterator[None]:
    """Have somebody use the server, and the log with it."""
    token = server.add("alice").token
    with server.running():
        with Client(folder, server.ssh, token, "http", str(origin.http)) as client:
            assert visit(client.url()).status == 200
        yield


def test_a_log_that_nobody_reads_stops_nothing(
    server: Daemon, tmp_path: Path, origin: Origin
) -> None:
    with used(server, tmp_path, origin):
        assert server.process.stop(timeout=END_WITHIN) == 0


def test_who_reads_on_gets_all_to_the_last_line(
    server: Daemon, tmp_path: Path, origin: Origin, pipe: Pipe
) -> None:
    with used(server, tmp_path, origin):
        pipe.read_on()
        assert server.process.stop(signal.SIGTERM, END_WITHIN) == 0
    text = " ".join(pipe.lines())
    places = [text.index(f'"event": "{event}"') for event in ("clients", "stopping", "stopped")]
    assert places == sorted(places)


def test_what_ended_the_start_is_said_after_the_log(daemon: Daemon, tmp_path: Path) -> None:
    taken = {"host": LOOPBACK, "port": daemon.ssh}
    with Daemon(tmp_path, f"sqlite:///{tmp_path}/pgrok.db", sshd=taken).start() as process:
        assert process.wait() == 2
    logged, said = process.output.splitlines()
    assert '"event": "dashboard"' in logged
    assert said.startswith("pgrokd: cannot listen on ")
