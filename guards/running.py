"""Runs tests against a copy of the source, and says what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from guards.copies import copy_of_source, run
from guards.guard import Guard, GuardError

_CRASHES = frozenset(
    {
        "AttributeError",
        "ImportError",
        "KeyError",
        "NameError",
        "SyntaxError",
        "TypeError",
        "UnboundLocalError",
    }
)
"""What a test fails of where taking the guard away broke more than the guard."""


class Colour(Enum):
    """What became of a test without its guard: red is what is wanted."""

    RED = "red"
    GREEN = "GREEN!"
    BROKEN = "BROKEN!"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one guard; `why` says of what the test failed, or what is wrong."""

    guard: Guard
    colour: Colour
    why: str


def try_without(guard: Guard) -> Verdict:
    """Switch one guard off and run its test."""
    try:
        with copy_of_source(guard) as folder:
            status, notes, output = _run(folder, [guard.test])
            colour, why = _judge(status, notes["failures"], output)
    except GuardError as error:
        return Verdict(guard, Colour.BROKEN, str(error))
    return Verdict(guard, colour, why)


def require_green(tests: Sequence[str]) -> None:
    """Run tests against an unchanged copy; raise `GuardError` unless all of them pass."""
    with copy_of_source() as folder:
        status, _, output = _run(folder, tests)
    if status != pytest.ExitCode.OK:
        raise GuardError(f"with every guard in its place:\n{output}")


def _run(folder: Path, tests: Sequence[str]) -> tuple[int, dict[str, Any], str]:
    """Return pytest's exit status, what the witness wrote down, and the output."""
    notes = folder / "witness.json"
    command = (
        *(sys.executable, "-m", "pytest", "--quiet", "--tb=short", "--maxfail=1"),
        *("-p", "guards.witness", f"--witness={notes}"),
        *tests,
    )
    status, output = run(command, folder)
    if not notes.exists():
        raise GuardError(f"the tests could not be run:\n{output[-2000:]}")
    found: dict[str, Any] = json.loads(notes.read_text("utf-8"))
    if not Path(found["imported"]).is_relative_to(folder):
        raise GuardError(f"not the copy was tested but {found['imported']}")
    return status, found, output[-4000:]


def _judge(status: int, failures: list[list[str]], output: str) -> tuple[Colour, str]:
    if status == pytest.ExitCode.OK:
        return Colour.GREEN, "the test does not notice"
    kinds = [kind for when, kind in failures if when == "call"]
    if status != pytest.ExitCode.TESTS_FAILED or not kinds or not _CRASHES.isdisjoint(kinds):
        return Colour.BROKEN, output
    return Colour.RED, kinds[0]
