"""What the log keeps quiet about, whatever level is asked for."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import structlog
from structlog.testing import capture_logs

from pgrok.lines import LIMIT
from pgrok.server import logs
from pgrok.server.settings import LogSettings
from support.logs import kept

SOON = 10.0


@pytest.fixture
def debugging() -> Iterator[None]:
    with logs.written(LogSettings(format="json", level="debug")):
        yield


@pytest.mark.usefixtures("debugging")
@pytest.mark.parametrize("name", logs.QUIET)
def test_libraries_that_know_secrets_do_not_chat(name: str) -> None:
    assert not logging.getLogger(f"{name}.inner").isEnabledFor(logging.INFO)
    assert logging.getLogger(f"{name}.inner").isEnabledFor(logging.WARNING)


@pytest.mark.usefixtures("debugging")
def test_the_house_itself_may() -> None:
    assert logging.getLogger("pgrok.server").isEnabledFor(logging.DEBUG)


def test_no_value_forges_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    with logs.written(LogSettings(format="text")):
        logging.getLogger("pgrok.test").warning("refused %s", "x\nsigned in \x1b[2J")
        structlog.get_logger("pgrok.test").warning("refused", client="x\nsigned in \x1b[2J")
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "\x1b[2J" not in "".join(lines)


def fail_with_a_secret(password: str) -> None:
    raise ValueError("no\nsigned in \x1b[2J")


def test_a_traceback_forges_no_line_and_tells_no_values(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with logs.written(LogSettings(format="text")):
        for logger in (logging.getLogger("pgrok.test"), structlog.get_logger("pgrok.test")):
            try:
                fail_with_a_secret("s3" + "cret")
            except ValueError:
                logger.exception("failed")
    shown = capfd.readouterr().err
    assert shown.count("fail_with_a_secret(") == 2
    assert "s3cret" not in shown
    assert "\x1b" not in shown
    outside = [line for line in shown.splitlines() if line and not line.startswith("  ")]
    assert len(outside) == 2


@contextmanager
def configured() -> Iterator[FakeSeconds]:
    """Write to the standard error of the test; yields the clock of the log."""
    clock = FakeSeconds()
    with kept(), logs.written(LogSettings(format="json")):
        logging.getLogger().handlers[0].filters[:] = [logs.Seldom(clock)]
        yield clock


def test_what_a_test_configures_no_other_test_notices() -> None:
    ours = structlog.get_logger("pgrok.test")
    root, library = logging.getLogger(), logging.getLogger(logs.QUIET[0])
    before = structlog.get_config(), root.handlers[:], root.level, library.level
    with kept(), logs.written(LogSettings(format="json")):
        ours.warning("used while it was configured")
    assert (structlog.get_config(), root.handlers, root.level, library.level) == before
    with kept(), capture_logs() as lines:
        ours.warning("captured")
    assert [line["event"] for line in lines] == ["captured"]


class TestFloods:
    def test_of_many_lines_of_a_kind_few_are_written(
        self, capfd: pytest.CaptureFixture[str]
    ) -> None:
        ours, library = structlog.get_logger("pgrok.test"), logging.getLogger("library")
        with configured() as clock:
            for number in range(100):
                ours.error("no database", peer=str(number))
                library.warning("bad request %d", number)
            ours.warning("another kind")
            clock.now += logs.SECONDS
            library.warning("bad request %d", 100)
        told = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
        assert len(told) == 2 * logs.LINES + 1 + 2 + 1
        omitted = {line["of"]: line["number"] for line in told if line["event"] == logs.OMITTED}
        assert omitted == {"no database": 100 - logs.LINES, "bad request %d": 100 - logs.LINES}
        assert told[-1]["event"] == "bad request 100"

    def test_what_is_no_trouble_is_always_written(self, capfd: pytest.CaptureFixture[str]) -> None:
        with configured():
            for _ in range(100):
                structlog.get_logger("pgrok.test").info("signed in")
        assert len(capfd.readouterr().err.splitlines()) == 100


class TestUnread:
    """Nobody reads what the log says, for a while or for ever."""

    def test_nobody_waits_and_what_was_left_out_is_counted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reader = SlowReader(monkeypatch)
        with logs.written(LogSettings(format="json")):
            ours = structlog.get_logger("pgrok.test")
            ours.info("first")
            assert reader.reached.wait(SOON)
            for number in range(LIMIT + 7):
                ours.info("signed in", number=number)
            ours.warning("no database")
            reader.gate.set()
        told = [json.loads(line) for line in reader.data.splitlines()]
        assert [line["event"] for line in told[-3:]] == [
            "signed in",
            "no database",
            logs.UNREAD % 7,
        ]
        assert told[-1]["level"] == "warning"

    def test_troubles_that_nobody_reads_are_bounded_too(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reader = SlowReader(monkeypatch)
        with logs.written(LogSettings(format="json")):
            logging.getLogger().handlers[0].filters.clear()
            logging.getLogger("library").error("first")
            assert reader.reached.wait(SOON)
            for number in range(3 * LIMIT):
                logging.getLogger("library").error("bad request %d", number)
            reader.gate.set()
        assert len(reader.data.splitlines()) == 1 + 2 * LIMIT + 1

    def test_the_end_waits_a_moment_for_who_does_not_read(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reader = SlowReader(monkeypatch)
        monkeypatch.setattr(logs, "LAST_WORDS_SECONDS", 0.05)
        with logs.written(LogSettings()):
            structlog.get_logger("pgrok.test").info("never read")
        assert reader.data == b""
        reader.gate.set()

    def test_a_process_without_stderr_logs_nowhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stderr", None)
        with logs.written(LogSettings()):
            structlog.get_logger("pgrok.test").error("where to?")


class SlowReader:
    """Stands for stderr, and reads nothing until its gate is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.gate = threading.Event(), threading.Event()
        self.data = b""
        monkeypatch.setattr(logs, "writer", lambda _: self.write)

    def write(self, view: memoryview) -> int:
        self.reached.set()
        self.gate.wait(SOON)
        self.data += view
        return len(view)


@dataclass
class FakeSeconds:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now
