"""The server under test, and what it says of itself."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from soak.ledger import Ledger
from soak.troubles import DRAIN, DRAIN_STREAMS, PARKING
from support.daemon import Daemon
from support.ports import LOOPBACK, free_port
from support.processes import Process
from support.visitor import visit

DRAINED = 30.0
"""Seconds until a server has ended that was asked to: it gives requests ten, streams three."""


@dataclass(frozen=True, slots=True)
class Look:
    """What there was in the server at a moment; memory is in bytes."""

    tunnels: int
    clients: int
    visitors: int
    tasks: int
    descriptors: int
    memory: int


class Server:
    """`pgrokd`, which may be restarted; the end of the stack kills it."""

    process: Process

    def __init__(self, folder: Path, database: str, ledger: Ledger, stack: ExitStack) -> None:
        self._metrics = f"{LOOPBACK}:{free_port()}"
        self.daemon = Daemon(
            folder,
            database,
            metrics={"listen": self._metrics},
            proxy={"parking_seconds": PARKING},
            timeouts={"drain": DRAIN, "drain_streams": DRAIN_STREAMS},
        )
        self.began = 0.0
        self._ledger, self._stack = ledger, stack

    async def start(self) -> None:
        """Start it and wait until it serves."""
        self.began = time.monotonic()
        running = self.daemon.running()
        self.process = await asyncio.to_thread(self._stack.enter_context, running)

    async def stop(self) -> None:
        """End it as systemd does."""
        began = time.monotonic()
        status = await asyncio.to_thread(self.process.stop, signal.SIGTERM, DRAINED)
        if status != 0 or "Traceback" in self.process.output:
            said = self.process.output[-4000:]
            self._ledger.fail("pgrokd", f"ended with status {status}:\n{said}", since=began)

    async def look(self) -> Look:
        """Ask it what there is."""
        return await asyncio.to_thread(self._look)

    def _look(self) -> Look:
        sums: dict[str, float] = {}
        text = visit(f"http://{self._metrics}/metrics").text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                sums[sample.name] = sums.get(sample.name, 0) + sample.value
        return Look(
            tunnels=int(sums["pgrok_tunnels"]),
            clients=int(sums["pgrok_clients"] + sums["pgrok_clients_connecting"]),
            visitors=int(sums["pgrok_visitors"]),
            tasks=int(sums["pgrok_tasks"]),
            descriptors=int(sums["process_open_fds"]),
            memory=int(sums["process_resident_memory_bytes"]),
        )
