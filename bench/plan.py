"""How much is measured: everything in a quarter of an hour, or the main rows in two minutes."""

from __future__ import annotations

from dataclasses import dataclass

from bench.catalogue import CONNECTIONS, NEW, UNLIKE

Load = int | str
"""A number of connections, `NEW` or `UNLIKE`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts, and seconds for each sample. A count of 0 leaves the measure out."""

    rounds: int
    seconds: int
    loads: tuple[Load, ...]
    bulk_rounds: int
    far_rounds: int
    beside_rounds: int
    echoes: tuple[int, ...]
    idle_clients: int
    readers: int
    storm_clients: int
    databases: tuple[str, ...]
    tunnels: int
    starts: int
    all_peers: bool

    @property
    def open_files(self) -> int:
        """The files that one process may have open at most."""
        return 2 * max(self.tunnels, self.storm_clients) + 2000


FULL = Plan(
    rounds=5,
    seconds=2,
    loads=(*CONNECTIONS, UNLIKE, NEW),
    bulk_rounds=15,
    far_rounds=3,
    beside_rounds=3,
    echoes=(1, 64),
    idle_clients=500,
    readers=8,
    storm_clients=1000,
    databases=("sqlite", "postgresql"),
    tunnels=5000,
    starts=10,
    all_peers=True,
)

QUICK = Plan(
    rounds=3,
    seconds=1,
    loads=(1, 64, UNLIKE, NEW),
    bulk_rounds=2,
    far_rounds=0,
    beside_rounds=1,
    echoes=(),
    idle_clients=200,
    readers=4,
    storm_clients=300,
    databases=("sqlite",),
    tunnels=0,
    starts=5,
    all_peers=False,
)
