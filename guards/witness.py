"""A plugin of pytest that writes down what was tested, and what tests failed of.

Exit statuses don't tell a test that failed from one whose fixture did.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

TIDYING_SECONDS = 5.0
"""How long a test may take to tidy up once it has failed: without its guard it may hang there."""


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
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed and call.excinfo is not None:
            self._failures.append((call.when, call.excinfo.typename))
            self._write()
            _end_soon()
        return report

    def pytest_sessionfinish(self) -> None:
        self._write()

    def _write(self) -> None:
        import pgrok

        notes = {"imported": pgrok.__file__, "failures": self._failures}
        self._file.write_text(json.dumps(notes), "utf-8")


def _end_soon() -> None:
    timer = threading.Timer(TIDYING_SECONDS, os._exit, (pytest.ExitCode.TESTS_FAILED,))
    timer.daemon = True
    timer.start()
