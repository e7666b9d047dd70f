"""Small requests at a steady pace while one bulk body after the other takes the same tunnel."""

from __future__ import annotations

import time

from bench import wrk
from bench.catalogue import BULK
from bench.live import LiveTraffic
from bench.measures.run import Run
from bench.peers.base import Tunnel
from bench.processes import Process

WARM_UP_SECONDS = 0.5
WATCH_SECONDS = 4.0


def measure(run: Run) -> None:
    """Note the p99 of the small ones, beside a download and beside an upload."""

    def sample(name: str, tunnel: Tunnel) -> None:
        for way in BULK:
            run.results.add(f"beside/{way}", name, _p99_beside(run, way, tunnel))

    with run.tunnels(run.origin.port) as tunnels:
        run.interleave("small requests beside bulk", run.plan.beside_rounds, tunnels, sample)


def _p99_beside(run: Run, way: str, tunnel: Tunnel) -> float:
    command = wrk.bulk(tunnel.endpoint, way, WARM_UP_SECONDS + WATCH_SECONDS + 10)
    with Process(run.place.log("wrk"), *command):
        time.sleep(WARM_UP_SECONDS)
        with LiveTraffic(tunnel.endpoint) as small:
            time.sleep(WATCH_SECONDS)
        if small.failures:
            run.trouble(f"beside a bulk {way}: {small.failures} small requests failed")
        return small.p99()
