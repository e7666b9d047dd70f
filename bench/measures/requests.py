"""Requests a second, latency and CPU a request, at several numbers of connections."""

from __future__ import annotations

from bench import wrk
from bench.catalogue import AT_ONCE, NEW, UNLIKE
from bench.measures.run import Run
from bench.peers.base import Tunnel
from bench.plan import Load

WARM_CONNECTIONS, WARM_SECONDS = 16, 1


def measure(run: Run) -> None:
    """Load every tunnel in turn."""
    with run.tunnels(run.origin.port) as tunnels:
        for tunnel in tunnels.values():
            wrk.load(tunnel.endpoint, WARM_CONNECTIONS, WARM_SECONDS)
        for load in run.plan.loads:

            def sample(name: str, tunnel: Tunnel, load: Load = load) -> None:
                _sample(run, name, tunnel, load)

            run.interleave(f"requests, connections: {load}", run.plan.rounds, tunnels, sample)


def _sample(run: Run, name: str, tunnel: Tunnel, load: Load) -> None:
    run.origin.check_small(tunnel.endpoint)
    connections = AT_ONCE if isinstance(load, str) else load
    ends = {"server": tunnel.server, "client": tunnel.client}
    before = {end: process.cpu_seconds() for end, process in ends.items() if process}
    report = wrk.load(
        tunnel.endpoint, connections, run.plan.seconds, close=load == NEW, unlike=load == UNLIKE
    )
    for end, process in ends.items():
        if process:
            spent = process.cpu_seconds() - before[end]
            run.results.add(f"cpu-{end}/{load}", name, spent / max(report.requests, 1) * 1e6)
    run.results.add(f"rate/{load}", name, report.rate)
    run.results.add(f"p50/{load}", name, report.p50)
    run.results.add(f"p99/{load}", name, report.p99)
    if report.errors:
        run.trouble(f"{name}, connections {load}: {report.errors} of {report.requests} failed")
