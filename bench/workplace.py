"""Where a run keeps its files: one folder that goes with it."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
ROOM = 1 << 30


class Workplace:
    """A private folder for logs and settings, and one for bodies that no disk slows down."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pgrok-bench-"))
        memory = SHARED_MEMORY if _has_room(SHARED_MEMORY) else None
        self.bodies = Path(tempfile.mkdtemp(prefix="pgrok-bench-", dir=memory))
        self._numbers = itertools.count(1)

    def folder(self, name: str) -> Path:
        """Return a new folder whose name begins with `name`."""
        folder = self._folder / f"{name}-{next(self._numbers)}"
        folder.mkdir()
        return folder

    def log(self, name: str) -> Path:
        """Return the path of a new log file."""
        return self._folder / f"{name}-{next(self._numbers)}.log"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.rmtree(self.bodies, ignore_errors=True)


def _has_room(folder: Path) -> bool:
    return folder.is_dir() and shutil.disk_usage(folder).free > ROOM
