"""Tables and times on a terminal, or in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from pgrok.text import printable


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their headings: as a table on a terminal, else as aligned lines."""
    clean = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(headings, clean)
        return
    lines = [[heading.upper() for heading in headings], *clean]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print what is called what, one fact a line, aligned."""
    width = max(len(name) for name, _ in facts)
    for name, fact in facts:
        click.echo(f"{name.ljust(width)}  {printable(fact)}")


def moment(time: datetime | None) -> str:
    """Return a time to the minute, in UTC."""
    return "never" if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _print_rich(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=SIMPLE, pad_edge=False)
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
