"""What a guard is: the attack, the piece of source that stands against it, and the proof."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from guards.syntax import parse

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "pgrok"


class GuardError(Exception):
    """A guard is not where the catalogue says, or cannot be switched off as it says."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard.

    `attack` is what would come through without it, in words. `source` is the guard itself, to the
    letter and once in `file`, which lies below `src/pgrok`; with `off` in its place it is switched
    off. `test` is the pytest node that goes red then.
    """

    attack: str
    file: str
    source: str
    off: str
    test: str

    def switched_off(self, text: str) -> str:
        """Return the text of the file without the guard; raise `GuardError` if that cannot be."""
        found = text.count(self.source)
        if found != 1:
            raise GuardError(f"{self.file} has {self.source!r} {found} times, not once")
        changed = text.replace(self.source, self.off)
        try:
            compile(changed, self.file, "exec")
        except SyntaxError as error:
            raise GuardError(f"{self.file} is no Python without {self.source!r}") from error
        return changed

    def place(self, text: str) -> str:
        """Return the name, in its file, of what holds the guard: a function or a constant."""
        line = text[: text.index(self.source)].count("\n") + 1
        return ".".join(_names_at(_parsed(text).body, line))


@dataclass(frozen=True, slots=True)
class Area:
    """Guards that belong together; `key` selects them, `title` stands above them."""

    key: str
    title: str
    guards: tuple[Guard, ...]


_parsed = lru_cache(parse)


def _names_at(body: list[ast.stmt], line: int) -> Iterator[str]:
    """Yield the names of the definitions around a line, the outermost first."""
    for node in body:
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        if not first <= line <= (node.end_lineno or first):
            continue
        if isinstance(node, ast.ClassDef):
            yield node.name
            yield from _names_at(node.body, line)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))
