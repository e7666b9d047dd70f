"""Real processes: start one, wait until it says something, end it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import IO, Self

BIN = Path(sys.prefix, "bin")
"""Where the commands under test are installed."""

PATIENCE = 20.0
"""Seconds to wait for something that takes a fraction of one on an idle machine."""

LAST_WORDS_SECONDS = 0.5
"""How long to wait for the end of an output whose process has ended; a child may hold it open."""


class Process:
    """A running program whose output, both streams together, is collected as it comes.

    With `terminal` it runs in a session of its own on a pseudo-terminal, so that typed
    control characters become signals there. It inherits `descriptors`. Leaving the context kills
    it.
    """

    def __init__(
        self,
        *command: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        terminal: bool = False,
        descriptors: Sequence[int] = (),
    ) -> None:
        self._descriptors = descriptors
        self.command = [str(part) for part in command]
        self._output = bytearray()
        self._grown = threading.Condition()
        self._ended = False
        self._start(terminal, {**os.environ, **(env or {})}, cwd)
        threading.Thread(target=self._collect, daemon=True).start()

    def _start(self, terminal: bool, env: Mapping[str, str], cwd: Path | None) -> None:
        if terminal:
            ours, output = pty.openpty()
            stdin = output
        else:
            ours, output = os.pipe()
            stdin = subprocess.PIPE
        self._popen = subprocess.Popen(
            self.command,
            stdin=stdin,
            stdout=output,
            stderr=output,
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_take_terminal if terminal else None,
            pass_fds=self._descriptors,
            bufsize=0,
        )
        os.close(output)
        self._source = FileIO(ours, "r+" if terminal else "r")
        self._input: IO[bytes] | FileIO = self._popen.stdin or self._source

    def _collect(self) -> None:
        with self._source:
            while data := self._read():
                with self._grown:
                    self._output += data
                    self._grown.notify_all()
        with self._grown:
            self._ended = True
            self._grown.notify_all()

    def _read(self) -> bytes:
        try:
            return self._source.read(65536) or b""
        except OSError:  # what a pseudo-terminal says at its end
            return b""

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def output(self) -> str:
        """Everything it wrote until now."""
        with self._grown:
            return self._output.decode(errors="replace")

    def wait_for(self, pattern: str, *, count: int = 1, timeout: float = PATIENCE) -> re.Match[str]:
        """Wait until its output holds `pattern` `count` times; return the last of them.

        Fails, showing the output, when it ends or `timeout` seconds pass before that.
        """
        expression = re.compile(pattern, re.MULTILINE)
        deadline = time.monotonic() + timeout
        with self._grown:
            while True:
                text = self._output.decode(errors="replace")
                matches = list(expression.finditer(text))
                if len(matches) >= count:
                    return matches[count - 1]
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = "it ended" if self._ended else f"{timeout:g} s passed"
                    raise AssertionError(f"{self}: {why} before {pattern!r} came:\n{text}")
                self._grown.wait(left)

    def write(self, text: str) -> None:
        """Write to its standard input."""
        self._input.write(text.encode())

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait for its end and return the exit status; a signal's is negative."""
        try:
            status = self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self}: still runs after {timeout:g} s:\n{self.output}"
            ) from None
        with self._grown:
            self._grown.wait_for(lambda: self._ended, LAST_WORDS_SECONDS)
        return status

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, not to its group."""
        self._popen.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout: float = PATIENCE) -> int:
        """Ask it to end with a signal and return its exit status."""
        self.send(number)
        return self.wait(timeout)

    def kill(self) -> None:
        """End it and all that it started, at once."""
        if self.running:
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
        if self._popen.stdin:
            self._popen.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        if error is not None:
            error.add_note(f"--- {self}\n{self.output[-4000:]}")

    def __str__(self) -> str:
        return " ".join([Path(self.command[0]).name, *self.command[1:]])


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    text: str = "",
    status: int | None = 0,
    timeout: float = PATIENCE,
) -> str:
    """Run a command to its end; return both its streams. `status` None takes any."""
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **(env or {})},
        cwd=cwd,
        input=text,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
        check=False,
    )
    assert status in (None, done.returncode), f"{command}: {done.returncode}\n{done.stdout}"
    return done.stdout


def until(condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
    """Ask again and again until `condition` holds; fail, naming it, after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}"
        pause.wait(0.02)


def memory(pid: int, field: str = "VmRSS") -> int:
    """Bytes of memory that a process has (`VmRSS`) or had at its peak (`VmHWM`)."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)
    assert found, status
    return int(found[1]) * 1024


def heed_interrupts() -> None:
    """Let Ctrl-C end what is started: a shell's background jobs inherit that it is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
