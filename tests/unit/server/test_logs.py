"""What the log keeps quiet about, whatever level is asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from pgrok.server import logs
from pgrok.server.settings import LogSettings


@pytest.fixture
def debugging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure(LogSettings(format="json", level="debug"))
    yield
    root.handlers[:], root.level = handlers, level


@pytest.mark.usefixtures("debugging")
@pytest.mark.parametrize("name", logs.QUIET)
def test_libraries_that_know_secrets_do_not_chat(name: str) -> None:
    assert not logging.getLogger(f"{name}.inner").isEnabledFor(logging.INFO)
    assert logging.getLogger(f"{name}.inner").isEnabledFor(logging.WARNING)


@pytest.mark.usefixtures("debugging")
def test_the_house_itself_may() -> None:
    assert logging.getLogger("pgrok.server").isEnabledFor(logging.DEBUG)


def test_no_value_forges_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure(LogSettings(format="text"))
    logging.getLogger("pgrok.test").warning("refused %s", "x\nsigned in \x1b[2J")
    structlog.get_logger("pgrok.test").warning("refused", client="x\nsigned in \x1b[2J")
    root.handlers[:], root.level = handlers, level
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "\x1b[2J" not in "".join(lines)
