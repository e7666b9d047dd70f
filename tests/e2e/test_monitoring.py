"""What a machine sees of a server that runs."""

from __future__ import annotations

from pathlib import Path

from support.daemon import Daemon
from support.origin import Origin
from support.pgrok import Client
from support.ports import LOOPBACK, free_port
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
