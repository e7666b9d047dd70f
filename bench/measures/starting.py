"""How long the command takes: to print its help, and to bring a tunnel up."""

from __future__ import annotations

import time

from bench import accounts
from bench.catalogue import COMMAND
from bench.measures.run import Run, say
from bench.peers import pgrok
from bench.processes import run as run_program


def measure(run: Run) -> None:
    """Start the command several times for each."""
    say("starting")
    for _ in range(run.plan.starts):
        began = time.perf_counter()
        run_program(pgrok.BIN / "pgrok", "--help")
        run.results.add("help", COMMAND, (time.perf_counter() - began) * 1e3)
    with pgrok.server(run.place) as server:
        [token] = accounts.create(server.database, ["bench"])
        for _ in range(run.plan.starts):
            began = time.perf_counter()
            with pgrok.client(run.place, "http", run.origin.port, port=server.ssh, token=token):
                run.results.add("up", COMMAND, (time.perf_counter() - began) * 1e3)
