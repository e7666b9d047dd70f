"""Puts the catalogue into the documentation, as a table of what stands against what."""

from __future__ import annotations

from collections.abc import Iterator

from guards.catalogue import AREAS
from guards.guard import ROOT, SOURCE, Area, Guard, GuardError

PAGE = ROOT / "docs" / "security.md"

BEGIN = "<!-- the guards: made by `python -m guards --publish` -->"
END = "<!-- end of the guards -->"


def publish() -> None:
    """Replace the tables of the page."""
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")


def with_tables(page: str) -> str:
    """Return the page with the tables as they should be; raise `GuardError` without their place."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise GuardError(f"{PAGE} lacks the lines {BEGIN} and {END}")
    return "\n\n".join([f"{before}{BEGIN}", *map(_table, AREAS), f"{END}{after}"])


def _table(area: Area) -> str:
    heading = f"### {area.title}"
    rows = ["| Against | Guard | Proof |", "|---|---|---|", *_rows(area)]
    return "\n".join([heading, "", *rows])


def _rows(area: Area) -> Iterator[str]:
    for guard in area.guards:
        yield f"| {guard.attack} | {_where(guard)} | {_proof(guard.test)} |"


def _where(guard: Guard) -> str:
    place = guard.place((SOURCE / guard.file).read_text("utf-8"))
    return f"`{guard.file}`: `{place}`" if place else f"`{guard.file}`"


def _proof(test: str) -> str:
    """Return the node without what it was parametrised with, which may hold anything."""
    file, *names = test.partition("[")[0].split("::")
    return f"`{file.removeprefix('tests/')}`: `{'.'.join(names)}`"
