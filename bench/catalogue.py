"""The names and units of everything that is measured, in the order in which it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SSH = "ssh -R"
HTTP = "pgrok http"
TCP = "pgrok tcp"
BY_SSH = "pgrok http, by ssh"
SERVER = "pgrokd"
COMMAND = "pgrok"

CONNECTIONS = (1, 16, 64, 256)

NEW = "new"
"""In place of a number of connections: a new one for every request."""

UNLIKE = "unlike"
"""The same: connections that stay open, and no two heads of requests or responses alike."""

AT_ONCE = 64
"""How many requests are under way at a time in either case."""

BULK = ("download", "upload")


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is measured; `digits` are those after the point."""

    key: str
    title: str
    unit: str
    digits: int = 0

    def shown(self, value: float) -> str:
        """Return `value` as the tables show it."""
        return f"{value:,.{self.digits}f}"


def _requests() -> Iterator[Measure]:
    loads = {str(count): _counted(count) for count in CONNECTIONS}
    loads[UNLIKE] = f"{_counted(AT_ONCE)}, no two heads alike"
    loads[NEW] = f"a new connection each, {AT_ONCE} at once"
    for load, at in loads.items():
        yield Measure(f"rate/{load}", f"requests, {at}", "/s")
        yield Measure(f"p50/{load}", f"p50, {at}", "ms", 2)
        yield Measure(f"p99/{load}", f"p99, {at}", "ms", 2)
        yield Measure(f"cpu-server/{load}", f"server's CPU, {at}", "us/request", 1)
        yield Measure(f"cpu-client/{load}", f"client's CPU, {at}", "us/request", 1)


def _counted(connections: int) -> str:
    return f"{connections} connection{'s' if connections != 1 else ''}"


def _bulk() -> Iterator[Measure]:
    for way in BULK:
        yield Measure(way, f"100 MB {way}", "MB/s")
    for way in BULK:
        yield Measure(f"far/{way}", f"100 MB {way}, 100 ms round trip", "MB/s", 1)


def _web_sockets() -> Iterator[Measure]:
    for count in (1, 64):
        yield Measure(f"echo/{count}", f"WebSocket echoes, {_counted(count)}", "/s")
        yield Measure(f"echo-p99/{count}", f"WebSocket p99, {_counted(count)}", "ms", 2)


def _beside_bulk() -> Iterator[Measure]:
    for way in BULK:
        yield Measure(f"beside/{way}", f"p99 of small requests beside a bulk {way}", "ms", 1)


MEASURES = (
    *_requests(),
    *_bulk(),
    *_beside_bulk(),
    *_web_sockets(),
    Measure("idle", "server's memory, an idle client with a tunnel", "KiB", 1),
    Measure("stalled-server", "server's memory, a reader that stalls", "KiB"),
    Measure("stalled-client", "client's memory, a reader that stalls", "KiB"),
    Measure("storm-cpu/sqlite", "connect storm: server's CPU, SQLite", "ms/client", 2),
    Measure("storm-cpu/postgresql", "connect storm: server's CPU, PostgreSQL", "ms/client", 2),
    Measure("storm-seconds/sqlite", "connect storm: until all are up, SQLite", "s", 1),
    Measure("storm-seconds/postgresql", "connect storm: until all are up, PostgreSQL", "s", 1),
    Measure("storm-p99/sqlite", "connect storm: p99 of another's visitors, SQLite", "ms", 1),
    Measure(
        "storm-p99/postgresql", "connect storm: p99 of another's visitors, PostgreSQL", "ms", 1
    ),
    Measure("storm-retries/sqlite", "connect storm: attempts that were turned away, SQLite", ""),
    Measure("storm-retries/postgresql", "connect storm: attempts turned away, PostgreSQL", ""),
    Measure("many", "requests, 64 connections, 5,000 tunnels beside it", "/s"),
    Measure("alone", "requests, 64 connections, no tunnel beside it", "/s"),
    Measure("help", "pgrok --help", "ms"),
    Measure("up", "from the command to a live tunnel", "ms"),
)

BY_KEY = {measure.key: measure for measure in MEASURES}
