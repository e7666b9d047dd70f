"""One 100 MB body at a time, down and up, near and far."""

from __future__ import annotations

from bench import transfer
from bench.delay import Link, far, near
from bench.measures.run import Run
from bench.peers.base import Tunnel

DIRECT = "no tunnel"
BORE = "bore"


def measure(run: Run) -> None:
    """Move the body through every tunnel in turn, then through a far one of each kind."""
    _measure(run, "", run.plan.bulk_rounds, near)
    if run.plan.far_rounds:
        _measure(run, "far/", run.plan.far_rounds, far)


def _measure(run: Run, prefix: str, rounds: int, link: Link) -> None:
    def sample(name: str, tunnel: Tunnel) -> None:
        run.results.add(f"{prefix}download", name, transfer.download(run.origin, tunnel.endpoint))
        run.results.add(f"{prefix}upload", name, transfer.upload(run.origin, tunnel.endpoint))

    # Bore's port cannot be moved behind the relay, and no tunnel has no far end.
    leave_out = (DIRECT, BORE) if prefix else ()
    with run.tunnels(run.origin.port, link, leave_out=leave_out) as tunnels:
        run.interleave(f"100 MB {prefix}both ways", rounds, tunnels, sample)
