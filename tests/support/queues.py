"""What the system holds in the sockets of some processes, as Linux tells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def queued(pids: Iterable[int]) -> int:
    """Octets that wait in the sockets of these processes, to be sent or to be read."""
    return sum(to_send + to_read for to_send, to_read in _queues(pids))


def unread(pids: Iterable[int]) -> int:
    """Octets that wait in the sockets of these processes to be read by them."""
    return sum(to_read for _, to_read in _queues(pids))


def _sockets(pid: int) -> Iterator[str]:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        # The one that was open for this list is gone.
        with suppress(FileNotFoundError):
            target = str(entry.readlink())
            if target.startswith("socket:["):
                yield target.removeprefix("socket:[").removesuffix("]")


def _queues(pids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield of each socket how many octets wait to be sent, and how many to be read."""
    inodes = {inode for pid in pids for inode in _sockets(pid)}
    for table in TABLES:
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes:
                to_send, to_read = fields[4].split(":")
                yield int(to_send, 16), int(to_read, 16)
