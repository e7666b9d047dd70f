"""What a process has taken of its machine, as Linux tells it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from support.processes import Process, until

SETTLED_WITHIN = 30.0
"""Seconds until all is given back: idle connections are kept for four, goodbyes take two."""


DATABASE = re.compile(r"\.db(-wal|-shm|-journal)?$")


def descriptors(pid: int) -> int:
    """How many files and sockets a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def cpu_seconds(pid: int) -> float:
    """How long a process has computed, in itself and in the system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Vitals:
    """What some processes hold now, and whether they hold no more of it later.

    Connections to SQLite do not count: a pool opens some more when they are needed at once, and
    keeps them. Of those to PostgreSQL there may be `pooled` more.
    """

    def __init__(self, *processes: Process, pooled: int = 0) -> None:
        self._descriptors = {process: _held(process) + pooled for process in processes}

    def check(self) -> None:
        """See that they have given all of it back, and tell of no bug."""
        for process, count in self._descriptors.items():
            until(
                partial(self._has_at_most, count, process),
                f"{process} has {count} descriptors again",
                SETTLED_WITHIN,
            )
            assert "Traceback" not in process.output, process.output

    def _has_at_most(self, count: int, process: Process) -> bool:
        return _held(process) <= count


def _held(process: Process) -> int:
    targets = []
    for entry in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            targets.append(str(entry.readlink()))
    return sum(not DATABASE.search(target) for target in targets)


@contextmanager
def nothing_is_left(*processes: Process, pooled: int = 0) -> Iterator[None]:
    """Have processes that live on hold no more at the end of the body than before it."""
    vitals = Vitals(*processes, pooled=pooled)
    yield
    vitals.check()
