"""Lines for whoever reads the output, written so that a slow reader holds up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TextIO

LIMIT = 1000
"""Lines that may wait to be written before those that can be missed are dropped."""

PAUSE = 0.02
"""Seconds between two writes: waking a thread for every line would cost more than the line."""

_FULL_PIPE_PAUSE = 0.05


Write = Callable[[memoryview], int | None]


def writer(stream: TextIO | None) -> Write:
    """Return what writes to the file of a stream of this process, if it was not closed before."""
    if stream is None:
        return len
    # Unbuffered, because a thread that is stuck in a buffered write holds a lock that the end
    # of the interpreter waits for.
    return open(stream.fileno(), "wb", buffering=0, closefd=False).write


def left_out(number: int) -> str:
    """Return the line that stands for those that were dropped."""
    return f"({number} lines left out: the output is read too slowly)"


class LineWriter:
    """Writes lines in a thread of its own; they are put in by one other thread at a time.

    A pipe that nobody empties blocks whoever writes to it; here it blocks only this thread,
    and what waits is bounded. When the reader is gone, lines go nowhere: the tunnels stay.
    `left_out` words the line that says how many were dropped, in the thread.
    """

    def __init__(
        self,
        write: Write,
        *,
        limit: int = LIMIT,
        left_out: Callable[[int], str] = left_out,
    ) -> None:
        self._write = write
        self._limit = limit
        self._left_out = left_out
        self._lines: list[str] = []
        # Both only ever grow, each in one thread, so that they need no lock.
        self._dropped = 0
        self._dropped_told = 0
        self._called = False
        self._work = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pgrok-output", daemon=True)
        self._thread.start()

    def put(self, line: str, droppable: bool = False, /) -> None:
        """Queue one line, without its line break; never blocks.

        Beyond the limit, droppable lines are counted instead, and beyond twice the limit all.
        """
        if len(self._lines) >= (self._limit if droppable else 2 * self._limit):
            self._dropped += 1
            return
        self._lines.append(line)
        if not self._called:
            self._called = True
            self._work.set()

    def close(self, timeout: float) -> None:
        """Write what is queued, for at most `timeout` seconds."""
        self._closing.set()
        self._work.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        readable = True
        while not self._closing.is_set() or self._lines:
            self._work.wait()
            self._work.clear()
            # Before the lines are taken: whoever puts one in later calls again.
            self._called = False
            text = self._take()
            try:
                if readable:
                    self._write_all(text.encode("utf-8", "replace"))
            except (OSError, ValueError):
                readable = False
            self._closing.wait(PAUSE)

    def _take(self) -> str:
        """Return all the lines that there are."""
        lines = self._lines[:]
        # Each of these is one step of the interpreter's; lines that come between them stay.
        del self._lines[: len(lines)]
        dropped = self._dropped - self._dropped_told
        if dropped:
            self._dropped_told += dropped
            lines.append(self._left_out(dropped))
        return "\n".join([*lines, ""])

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = self._write(view)
            if written is None:  # somebody made the pipe non-blocking, and it is full
                time.sleep(_FULL_PIPE_PAUSE)
            view = view[written or 0 :]
