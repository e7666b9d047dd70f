"""What a machine sees of a server that runs."""

from __future__ import annotations

import re
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.daemon import Daemon
from support.origin import Origin
from support.pgrok import Client
from support.ports import LOOPBACK, free_port
from support.processes import until
from support.visitor import visit

TOKEN = "sixteen or more letters"


def test_metrics_and_readiness(tmp_path: Path, origin: Origin) -> None:
    port = free_port()
    metrics = {"listen": f"{LOOPBACK}:{port}", "token": TOKEN}
    server = Daemon(tmp_path, f"sqlite:///{tmp_path}/pgrok.db", metrics=metrics)
    token = server.add("alice").token
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with server.running() as process:
        with Client(tmp_path, server.ssh, token, "http", str(origin.http)) as client:
            assert visit(client.url()).status == 200
            assert visit(f"http://{LOOPBACK}:{port}/metrics").status == 401
            for address in (f"http://{LOOPBACK}:{port}", server.external_url):
                assert visit(f"{address}/-/ready").text == "ready"
                seen = visit(f"{address}/metrics", fields=bearer).text.splitlines()
                assert 'pgrok_tunnels{kind="http"} 1.0' in seen
                assert 'pgrok_requests_total{status="2xx"} 1.0' in seen
                assert 'pgrok_handshakes_total{result="done"} 1.0' in seen
        assert TOKEN not in process.output


def test_who_drains_is_not_ready(tmp_path: Path, origin: Origin) -> None:
    server = Daemon(tmp_path, f"sqlite:///{tmp_path}/pgrok.db")
    token = server.add("alice").token
    gate = f"ready-{server.proxy}"
    with (
        server.running() as process,
        Client(tmp_path, server.ssh, token, "http", str(origin.http)) as client,
        ThreadPoolExecutor() as visitor,
    ):
        answer = visitor.submit(visit, f"{client.url()}/held?gate={gate}")
        origin.wait_at_gate(gate)
        assert visit(f"{server.external_url}/-/ready").status == 200
        process.send(signal.SIGTERM)
        process.wait_for("stopping")
        ready = visit(f"{server.external_url}/-/ready")
        origin.open_gate(gate)
        assert (ready.status, ready.text) == (503, "draining")
        assert answer.result().body == b"let go"
        assert process.wait() == 0


def test_the_loop_is_watched(tmp_path: Path) -> None:
    metrics = {"token": TOKEN}
    server = Daemon(tmp_path, f"sqlite:///{tmp_path}/pgrok.db", metrics=metrics)
    with server.running():
        until(lambda: looks_at_the_loop(server) >= 1, "somebody looked how late the loop is")
        seen = looks_at_the_loop(server)
        until(lambda: looks_at_the_loop(server) > seen, "somebody looks again")


def looks_at_the_loop(server: Daemon) -> float:
    """Return how often it was seen how late the loop is."""
    fields = {"Authorization": f"Bearer {TOKEN}"}
    text = visit(f"{server.external_url}/metrics", fields=fields).text
    found = re.search(r"^pgrok_loop_lag_seconds_count (\S+)$", text, re.MULTILINE)
    assert found, text
    return float(found[1])
