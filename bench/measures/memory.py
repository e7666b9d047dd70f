"""Memory: of clients that do nothing, and of readers that stop reading."""

from __future__ import annotations

import time
from contextlib import ExitStack

from bench import accounts
from bench.catalogue import HTTP, SERVER
from bench.crowd import crowd
from bench.measures.run import Run, say
from bench.network import Endpoint
from bench.origin import BULK_PATH
from bench.peers import pgrok
from bench.processes import Process

WARM_CLIENTS = 100
SETTLE_SECONDS = 2.0
WATCH_SECONDS = 4.0
KIB = 1024


def measure(run: Run) -> None:
    """Measure both."""
    _measure_idle(run)
    _measure_stalled(run)


def _measure_idle(run: Run) -> None:
    """Note how much the server grows by a client, once it has had some."""
    say("memory of idle clients")
    count = run.plan.idle_clients
    with pgrok.server(run.place) as server:
        tokens = accounts.create(server.database, accounts.names(WARM_CLIENTS + count))
        warm, others = tokens[:WARM_CLIENTS], tokens[WARM_CLIENTS:]
        with (
            crowd(run.place, server.ssh, warm, processes=1, at_once=32) as first,
            crowd(run.place, server.ssh, others, processes=2, at_once=32) as second,
        ):
            first.connect()
            before = _settled(server.process)
            second.connect()
            grown = _settled(server.process) - before
            run.results.add("idle", SERVER, grown / count / KIB)


def _measure_stalled(run: Run) -> None:
    """Note how much both ends grow by a reader that stops, beside one that did so before."""
    say("memory of readers that stall")
    peer = pgrok.Pgrok("http")
    with peer.opened(run.place, run.origin.port) as tunnel, ExitStack() as stack:
        assert tunnel.server
        assert tunnel.client
        _stall(stack, tunnel.endpoint)
        ends = {"stalled-server": tunnel.server, "stalled-client": tunnel.client}
        before = {measure: _peak(process, SETTLE_SECONDS) for measure, process in ends.items()}
        for _ in range(run.plan.readers):
            _stall(stack, tunnel.endpoint)
        for key, process in ends.items():
            grown = _peak(process, WATCH_SECONDS) - before[key]
            run.results.add(key, HTTP, grown / run.plan.readers / KIB)


def _stall(stack: ExitStack, endpoint: Endpoint) -> None:
    """Begin to download, and read no more than the beginning."""
    connection = endpoint.connect()
    stack.callback(connection.close)
    connection.request("GET", BULK_PATH, headers={"Host": endpoint.host})
    connection.getresponse().read(KIB)


def _settled(process: Process) -> int:
    """Return the resident memory when what happens after connecting has happened."""
    time.sleep(SETTLE_SECONDS)
    return process.resident()


def _peak(process: Process, seconds: float) -> int:
    ends = time.monotonic() + seconds
    peak = 0
    while time.monotonic() < ends:
        peak = max(peak, process.resident())
        time.sleep(0.05)
    return peak
