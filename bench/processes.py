"""Programs under measurement: started, watched through /proc, and ended with all their kin."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.errors import BenchError
from bench.network import PATIENCE

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Process:
    """A running program whose output goes to the file `log`; leaving the context ends it.

    Output goes to a file and not to a pipe so that nobody has to read it while we measure.
    """

    def __init__(
        self, log: Path, *command: str | Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = log.stem
        self._log = log
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**_own_environment(), **(env or {})},
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    @property
    def output(self) -> str:
        """Everything that it wrote until now."""
        return self._log.read_text(errors="replace")

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(f"{line}\n".encode())
        self._popen.stdin.flush()

    def wait_for(self, pattern: str, timeout: float = PATIENCE) -> re.Match[str]:
        """Wait until it has written `pattern`; raise `BenchError` if it ends or takes longer."""
        deadline = time.monotonic() + timeout
        while True:
            running = self.running
            found = re.search(pattern, self.output, re.MULTILINE)
            if found:
                return found
            if not running or time.monotonic() > deadline:
                why = f"took more than {timeout:g} s" if running else "ended"
                raise BenchError(f"{self.name} {why}; the end of what it said:\n{self._tail()}")
            time.sleep(0.002)

    def cpu_seconds(self) -> float:
        """Return the CPU time that it and its children have used."""
        return sum(_cpu_seconds(pid) for pid in family(self._popen.pid))

    def resident(self) -> int:
        """Return the bytes of memory that it and its children have resident."""
        return sum(_resident(pid) for pid in family(self._popen.pid))

    def stop(self) -> None:
        """Ask it and its children to end, and make them."""
        pids = family(self._popen.pid)
        _signal(pids, signal.SIGTERM)
        try:
            self._popen.wait(3)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _signal(pids, signal.SIGKILL)
            self._popen.wait()
            if self._popen.stdin:
                with contextlib.suppress(OSError):
                    self._popen.stdin.close()

    def _tail(self) -> str:
        return "\n".join(f"    {line}" for line in self.output.splitlines()[-10:])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def family(pid: int) -> list[int]:
    """Return a process and those that descend from it, oldest first."""
    parents = dict(_parents())
    members = [pid]
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members


def run(*command: str | Path, env: Mapping[str, str] | None = None, timeout: float = 60) -> str:
    """Run a program to its end and return what it wrote; raise `BenchError` if it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        env={**_own_environment(), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"{command[0]} ended with status {done.returncode}:\n{done.stdout}")
    return done.stdout


def _own_environment() -> dict[str, str]:
    """Return our environment without what would change the programs under measurement."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PGROK")}


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _parents() -> Iterator[tuple[int, int]]:
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            yield int(entry.name), int(fields[1])


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from `state` on; none if the process is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def _cpu_seconds(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def _resident(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[21]) * PAGE if fields else 0
