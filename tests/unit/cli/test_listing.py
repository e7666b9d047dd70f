from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from pgrok.cli.listing import moment, print_facts, print_table


def test_in_a_pipe_rows_are_aligned_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["Name", "Tokens"], [["bob", "1"], ["alexandra", "10"]])
    assert capsys.readouterr().out == "NAME       TOKENS\nbob        1\nalexandra  10\n"


def test_on_a_terminal_rows_are_a_table_and_cells_are_no_markup(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_table(["Name"], [["[red]bob"]])
    printed = capsys.readouterr().out
    assert "[red]bob" in printed
    assert "─" in printed


def test_cells_cannot_command_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["Name"], [["\x1b[2Jbob\n"]])
    print_facts([("Name", "\x9bbob")])
    assert capsys.readouterr().out == "NAME\n�[2Jbob�\nName  �bob\n"


def test_facts_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts([("Name", "bob"), ("Their URL", "http://x")])
    assert capsys.readouterr().out == "Name       bob\nTheir URL  http://x\n"


def test_moments_are_in_utc() -> None:
    noon = datetime(2026, 11, 23, 12, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert moment(noon) == "2026-11-23 10:00 UTC"
    assert moment(noon.astimezone(UTC)) == "2026-11-23 10:00 UTC"
    assert moment(None) == "never"
