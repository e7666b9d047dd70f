"""A plugin of pytest that writes down what was tested, and what tests failed of.

Exit statuses don't tell a test that failed from one whose fixture did. It also ends what hangs, which
loops that are not Python's own do not let signals do.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

TEST_SECONDS = 45.0
"""What a test may take: one that hangs without its guard has failed."""

TIDYING_SECONDS = 10.0
"""How long it may tidy up once it has failed."""

HANGS = "it hangs"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the file to write to."""
    parser.addoption("--witness", type=Path, required=True)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to take notes."""
    config.pluginmanager.register(_Witness(config.getoption("--witness")))


class _Witness:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._failures: list[tuple[str, str]] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None]:
        timer = _later(TEST_SECONDS, self._give_up)
        try:
            yield
        finally:
            timer.cancel()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed and call.excinfo is not None:
            for kind in _kinds(call.excinfo.value):
                self._note(call.when, kind)
            _later(TIDYING_SECONDS, _end)
        return report

    def pytest_sessionfinish(self) -> None:
        self._write()

    def _give_up(self) -> None:
        self._note("call", HANGS)
        _end()

    def _note(self, when: str, what: str) -> None:
        self._failures.append((when, what))
        self._write()

    def _write(self) -> None:
        import pgrok

        notes = {"imported": pgrok.__file__, "failures": self._failures}
        self._file.write_text(json.dumps(notes), "utf-8")


def _kinds(error: BaseException) -> Iterator[str]:
    """Yield the name of an error, or of all that a group of them holds."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _kinds(one)
    else:
        yield type(error).__name__


def _end() -> None:
    # What a test started would outlive it; each is in a group of its own.
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            with suppress(OSError):
                os.killpg(int(child), signal.SIGKILL)
    os._exit(pytest.ExitCode.TESTS_FAILED)


def _later(seconds: float, do: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, do)
    timer.daemon = True
    timer.start()
    return timer
