"""What a process has taken of its machine, as Linux tells it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from support.processes import Process, until

SETTLED_WITHIN = 30.0
"""Seconds until all is given back: idle connections are kept for four, goodbyes take two."""


def descriptors(pid: int) -> int:
    """How many files and sockets a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def cpu_seconds(pid: int) -> float:
    """How long a process has computed, in itself and in the system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Vitals:
    """What some processes hold now, and whether they hold no more of it later."""

    def __init__(self, *processes: Process) -> None:
        self._descriptors = {process: descriptors(process.pid) for process in processes}

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
        return descriptors(process.pid) <= count


@contextmanager
def nothing_is_left(*processes: Process) -> Iterator[None]:
    """Have processes that live on hold no more at the end of the body than before it."""
    vitals = Vitals(*processes)
    yield
    vitals.check()
