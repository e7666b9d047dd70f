"""Every guard of the catalogue is where it says, has its test, and stands in docs/security.md."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache

import pytest

from guards import publishing
from guards.catalogue import AREAS
from guards.guard import ROOT, SOURCE, Guard, GuardError
from guards.syntax import parse

GUARDS = [guard for area in AREAS for guard in area.guards]

TEXT = "def check(size):\n    if size > 1:\n        raise ValueError\n"


@cache
def names_in(file: str) -> frozenset[str]:
    """Return the names of the tests in a file, those of classes with the class before them."""
    found: set[str] = set()
    for node in parse((ROOT / file).read_text("utf-8")).body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        for each in members:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(prefix + each.name)
    return frozenset(found)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: f"{guard.file}: {guard.attack}")
def test_a_guard_stands_where_it_says_and_has_its_test(guard: Guard) -> None:
    text = (SOURCE / guard.file).read_text("utf-8")
    assert guard.switched_off(text) != text
    file, _, name = guard.test.partition("[")[0].partition("::")
    assert name in names_in(file)


def test_no_guard_is_there_twice() -> None:
    attacks = Counter(guard.attack for guard in GUARDS)
    changes = Counter((guard.file, guard.source, guard.off, guard.test) for guard in GUARDS)
    assert set(attacks.values()) == set(changes.values()) == {1}


def test_the_page_has_the_guards_of_the_catalogue() -> None:
    page = publishing.PAGE.read_text("utf-8")
    assert publishing.with_tables(page) == page, "run: .venv/bin/python -m guards --publish"


@pytest.mark.parametrize("source", ["if size > 2:", "e"])
def test_a_guard_that_is_not_found_once_is_noticed(source: str) -> None:
    with pytest.raises(GuardError, match="not once"):
        Guard("", "x.py", source, "if False:", "").switched_off(TEXT)


def test_a_guard_that_cannot_be_taken_away_is_noticed() -> None:
    with pytest.raises(GuardError, match="no Python"):
        Guard("", "x.py", "        raise ValueError\n", "", "").switched_off(TEXT)


def test_a_guard_is_named_by_what_holds_it() -> None:
    guard = Guard("", "x.py", "if size > 1:", "if False:", "")
    assert guard.place(TEXT) == "check"
    assert (
        guard.place(f"class Door:\n    {TEXT.replace(chr(10), chr(10) + '    ')}") == "Door.check"
    )
    assert Guard("", "", "{1}", "", "").place("LIMITS = frozenset(\n    {1}\n)\n") == "LIMITS"


def test_a_parse_that_another_one_has_disturbed_is_done_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    undisturbed, tries = ast.parse, []

    def disturbed(source: str) -> ast.Module:
        tries.append(source)
        if len(tries) == 1:
            raise SystemError("AST constructor recursion depth mismatch")
        return undisturbed(source)

    monkeypatch.setattr(ast, "parse", disturbed)
    assert ast.unparse(parse("x = 1")) == "x = 1"
    assert len(tries) == 2
