"""Echoes over WebSockets."""

from __future__ import annotations

from bench import websocket
from bench.echo import echoing
from bench.measures.run import Run
from bench.peers.base import Tunnel


def measure(run: Run) -> None:
    """Exchange frames through every tunnel in turn."""
    if not run.plan.echoes:
        return
    with echoing(run.place) as port, run.tunnels(port) as tunnels:
        for connections in run.plan.echoes:

            def sample(name: str, tunnel: Tunnel, connections: int = connections) -> None:
                echoes = websocket.load(tunnel.endpoint, connections, run.plan.seconds)
                run.results.add(f"echo/{connections}", name, echoes.rate)
                run.results.add(f"echo-p99/{connections}", name, echoes.p99)

            run.interleave(f"WebSockets: {connections}", run.plan.rounds, tunnels, sample)
