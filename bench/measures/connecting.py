"""Many clients: connecting at once, and being there while others work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench import accounts, postgres, wrk
from bench.catalogue import HTTP, SERVER
from bench.crowd import crowd
from bench.live import LiveTraffic
from bench.measures.run import Run, say
from bench.network import Endpoint
from bench.peers import pgrok
from bench.peers.pgrok import Server

CONNECTIONS = 64
LOADER_PROCESSES = 4
AT_ONCE = 25
"""Clients in one process that connect at a time where speed is not the question."""


def measure_storm(run: Run) -> None:
    """Have a thousand clients connect at once, beside the visitors of another client."""
    for database in run.plan.databases:
        if database == "sqlite":
            _storm(run, database, "")
        elif postgres.installed():
            with postgres.running() as url:
                _storm(run, database, url)
        else:
            run.trouble(f"PostgreSQL is not measured: apt install {postgres.PACKAGE}")


def measure_many(run: Run) -> None:
    """Load one tunnel while thousands of others are live, and without them."""
    if not run.plan.tunnels:
        return
    say(f"{run.plan.tunnels} accounts")
    with _server_and_client(run, "", run.plan.tunnels) as (server, endpoint, tokens):
        _sample(run, "alone", endpoint)
        with crowd(
            run.place, server.ssh, tokens, processes=LOADER_PROCESSES, at_once=AT_ONCE
        ) as clients:
            say(f"{len(tokens)} tunnels connect")
            clients.connect()
            _sample(run, "many", endpoint)
            lost = len(tokens) - clients.count()
        if lost:
            run.trouble(f"{lost} of {len(tokens)} tunnels were lost under load")
        _sample(run, "alone", endpoint)


def _storm(run: Run, database: str, url: str) -> None:
    count = run.plan.storm_clients
    say(f"{count} clients connect at once, {database}")
    with (
        _server_and_client(run, url, count) as (server, endpoint, tokens),
        crowd(run.place, server.ssh, tokens) as clients,
    ):
        before = server.process.cpu_seconds()
        with LiveTraffic(endpoint) as live:
            arrival = clients.connect()
        spent = server.process.cpu_seconds() - before
    for key, value in {
        "storm-cpu": spent / count * 1e3,
        "storm-seconds": arrival.seconds,
        "storm-p99": live.p99(),
        "storm-retries": arrival.retries,
    }.items():
        run.results.add(f"{key}/{database}", SERVER, value)
    if live.failures:
        run.trouble(f"connect storm, {database}: {live.failures} requests of others failed")


@contextmanager
def _server_and_client(
    run: Run, database: str, count: int
) -> Iterator[tuple[Server, Endpoint, list[str]]]:
    """Run a server and a client whose visitors are measured; give tokens for others, too."""
    with pgrok.server(run.place, database) as server:
        token, *tokens = accounts.create(server.database, ["bench", *accounts.names(count)])
        port = server.ssh
        with pgrok.client(run.place, "http", run.origin.port, port=port, token=token) as opened:
            yield server, opened[1], tokens


def _sample(run: Run, key: str, endpoint: Endpoint) -> None:
    for _ in range(run.plan.rounds):
        report = wrk.load(endpoint, CONNECTIONS, run.plan.seconds)
        run.results.add(key, HTTP, report.rate)
        if report.errors:
            run.trouble(f"{key}: {report.errors} of {report.requests} requests failed")
