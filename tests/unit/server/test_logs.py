"""What the log keeps quiet about, whatever level is asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Literal

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
@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "said", ["SSH-2.0-x\nforged", "\x1b]0;forged\x07", "\x9b2J", "\u202eforged"]
)
def test_what_others_say_is_part_of_one_line(
    said: str, form: Literal["text", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(LogSettings(format=form))
    structlog.get_logger().info("signed in", client=said)
    logging.getLogger("pgrok.server").warning("sign-in refused: %s", said)
    lines = capsys.readouterr().err.removesuffix("\n").split("\n")
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


@pytest.mark.usefixtures("debugging")
def test_the_house_itself_may() -> None:
    assert logging.getLogger("pgrok.server").isEnabledFor(logging.DEBUG)
