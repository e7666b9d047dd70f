"""The results as tables of plain text, which are Markdown as well."""

from __future__ import annotations

from collections.abc import Sequence

from bench.catalogue import MEASURES
from bench.results import Results
from bench.targets import TARGETS, verdict

Row = Sequence[str]


def targets(results: Results) -> str:
    """Return what was aimed at and what came of it."""
    rows: list[Row] = [("target", "measured", "floor", "aim", "verdict")]
    for target in TARGETS:
        value = target.value(results)
        if value is None:
            continue
        aim = "" if target.aim is None else target.shown(target.aim)
        shown = (target.shown(value), target.shown(target.floor), aim)
        rows.append((target.title, *shown, verdict(target, value)))
    return _table(rows)


def measures(results: Results) -> str:
    """Return the medians of everything, a column for each tunnel."""
    tunnels = list(dict.fromkeys(name for row in results.samples.values() for name in row))
    rows: list[Row] = [("median", "unit", *tunnels)]
    for measure in MEASURES:
        medians = [results.median(measure.key, tunnel) for tunnel in tunnels]
        if any(median is not None for median in medians):
            shown = ("" if median is None else measure.shown(median) for median in medians)
            rows.append((measure.title, measure.unit, *shown))
    return _table(rows)


def change(earlier: Results, later: Results) -> str:
    """Return what became of every target between two runs."""
    rows: list[Row] = [("target", "before", "after", "change")]
    for target in TARGETS:
        before, after = target.value(earlier), target.value(later)
        if before and after:
            percent = (target.score(after) / target.score(before) - 1) * 100
            word = "better" if percent >= 0 else "worse"
            shown = (target.shown(before), target.shown(after), f"{abs(percent):.0f} % {word}")
            rows.append((target.title, *shown))
    return _table(rows)


def machine(results: Results) -> str:
    """Return what it ran on."""
    return "\n".join(f"- {what}: {value}" for what, value in results.machine.items())


def _table(rows: Sequence[Row]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    # Numbers stand to the right, under each other; what they are of stands to the left.
    rule = "|".join(
        f" {'-' * width}{':' if column else '-'}" for column, width in enumerate(widths)
    )
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def _line(row: Row, widths: Sequence[int]) -> str:
    first, *others = (
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "| " + " | ".join((first, *others)) + " |"
