"""What the system holds in the sockets of some processes, as Linux tells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def queued(pids: Iterable[int]) -> int:
    """Octets that wait in the sockets of these processes, to be sent or to be read."""
    inodes = {inode for pid in pids for inode in _sockets(pid)}
    return sum(octets for inode, octets in _queues() if inode in inodes)


def _sockets(pid: int) -> Iterator[str]:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        # The one that was open for this list is gone.
        with suppress(FileNotFoundError):
            target = str(entry.readlink())
            if target.startswith("socket:["):
                yield target.removeprefix("socket:[").removesuffix("]")


def _queues() -> Iterator[tuple[str, int]]:
    for table in TABLES:
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            to_send, to_read = fields[4].split(":")
            yield fields[9], int(to_send, 16) + int(to_read, 16)
