"""Lines for whoever reads the output, written so that a slow reader holds up nobody."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

LIMIT = 1000
"""Lines that may wait to be written before those that can be missed are dropped."""

_FULL_PIPE_PAUSE = 0.05


class LineWriter:
    """Writes lines in a thread of its own.

    A pipe that nobody empties blocks whoever writes to it; here it blocks only this thread,
    and what waits is bounded. When the reader is gone, lines go nowhere: the tunnel stays.
    """

    def __init__(self, write: Callable[[memoryview], int | None], *, limit: int = LIMIT) -> None:
        self._write = write
        self._limit = limit
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="pgrok-output", daemon=True)
        self._thread.start()

    def put(self, line: str, *, droppable: bool = False) -> None:
        """Queue one line, without its line break; never blocks.

        Beyond the limit, droppable lines are counted instead, and beyond twice the limit all.
        """
        with self._changed:
            if len(self._lines) >= (self._limit if droppable else 2 * self._limit):
                self._dropped += 1
                return
            self._lines.append(line)
            self._changed.notify()

    def close(self, timeout: float) -> None:
        """Write what is queued, for at most `timeout` seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            while text := self._next():
                self._write_all(text.encode("utf-8", "replace"))
        except (OSError, ValueError):
            self._discard()

    def _next(self) -> str:
        """Wait for lines and return all that there are; nothing means the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._dropped or self._closing)
            lines = [*self._lines]
            self._lines.clear()
            if self._dropped:
                lines.append(f"({self._dropped} lines left out: the output is read too slowly)")
                self._dropped = 0
        return "".join(f"{line}\n" for line in lines)

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = self._write(view)
            if written is None:  # somebody made the pipe non-blocking, and it is full
                time.sleep(_FULL_PIPE_PAUSE)
            view = view[written or 0 :]

    def _discard(self) -> None:
        with self._changed:
            while not self._closing:
                self._lines.clear()
                self._dropped = 0
                self._changed.wait()
