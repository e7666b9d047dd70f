"""A machine that has no more of something: descriptors. What goes on goes on, and it recovers."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from support.daemon import Daemon
from support.midst import Midst
from support.mortal import Mortal
from support.pgrok import Client
from support.ports import LOOPBACK
from support.processes import Process, until
from support.visitor import visit
from support.vitals import Vitals, cpu_seconds, descriptors
from support.wire import Wire

SPARE = 20
"""Descriptors that a process is left."""

FLOOD = 200

WATCHED_SECONDS = 3.0
IDLE = 0.5
"""Of that time, how much a process may compute that can do nothing."""


@contextmanager
def scarce(process: Process) -> Iterator[int]:
    """Leave a process few descriptors; yields how many it may have."""
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    limit = descriptors(process.pid) + SPARE
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        yield limit
    finally:
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)


def flood(port: int, stack: ExitStack) -> None:
    """Connect again and again, without a word."""
    for _ in range(FLOOD):
        conn = socket.create_connection((LOOPBACK, port), timeout=10)
        stack.callback(conn.close)


def does_not_spin(process: Process) -> bool:
    began, before = time.monotonic(), cpu_seconds(process.pid)
    until(lambda: time.monotonic() - began > WATCHED_SECONDS, "it was watched for long enough")
    return cpu_seconds(process.pid) - before < IDLE * WATCHED_SECONDS


@pytest.mark.parametrize("door", ["proxy", "ssh", "web"])
def test_a_server_without_descriptors(door: str, daemon: Daemon, tmp_path: Path) -> None:
    token = daemon.add(f"at-{door}").token
    with ExitStack() as stack:
        target = stack.enter_context(Mortal())
        client, tcp = (
            stack.enter_context(Client(tmp_path, daemon.ssh, token, kind, str(target.port)))
            for kind in ("http", "tcp")
        )
        chat = stack.enter_context(Midst(client.url(), "websocket"))
        stream = stack.enter_context(Midst(tcp.url(), "stream"))
        visitor = stack.enter_context(Wire(client.url()))
        visitor.request("GET", "/")
        visitor.read_until(b"as ever")
        vitals = Vitals(daemon.process, client, tcp)
        with scarce(daemon.process) as limit, ExitStack() as crowd:
            flood(getattr(daemon, door), crowd)
            until(lambda: descriptors(daemon.process.pid) >= limit - 1, "all are in use")
            for visit_under_way in (chat, stream):
                visit_under_way.send(b"meanwhile")
                visit_under_way.read_until(b"meanwhile")
            visitor.request("GET", "/")
            visitor.read_until(b"as ever")
            assert does_not_spin(daemon.process)
            daemon.process.wait_for("no file descriptors left")
        until(lambda: answers(client.url()), "it answers newcomers")
        with Client(tmp_path, daemon.ssh, token, "http", str(target.port)) as newcomer:
            assert visit(newcomer.url()).text == "as ever"
        vitals.check()


def answers(url: str) -> bool:
    try:
        return visit(url).text == "as ever"
    except OSError:
        return False


def test_a_client_without_descriptors(daemon: Daemon, tmp_path: Path) -> None:
    token = daemon.add("without-descriptors").token
    with (
        Mortal() as target,
        Client(tmp_path, daemon.ssh, token, "http", f"{LOOPBACK}:{target.port}") as client,
        ExitStack() as crowd,
    ):
        url = client.url()
        assert visit(url).text == "as ever"
        vitals = Vitals(client, daemon.process, target)
        with scarce(client) as limit:
            for _ in range(limit):
                crowd.enter_context(Midst(url, "request"))
            until(lambda: descriptors(client.pid) >= limit, "all are in use")
            answer = visit(url)
            assert answer.fields["X-Pgrok-Error"] == "target-down"
            assert "too many open files" in answer.text
            assert does_not_spin(client)
            crowd.close()
        assert visit(url).text == "as ever"
        vitals.check()
