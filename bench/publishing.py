"""Puts the results of a run into the documentation: the tables, the picture, the samples."""

from __future__ import annotations

import re
from pathlib import Path

from bench import picture, table
from bench.errors import BenchError
from bench.results import Results

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "performance.svg"
REFERENCE = ROOT / "bench" / "results" / "reference.json"

BEGIN, END = "<!-- figures: made by `python -m bench --publish` -->", "<!-- end of the figures -->"


def publish(results: Results) -> None:
    """Replace the page's figures; raise `BenchError` if the page has no place for them."""
    page = PAGE.read_text()
    place = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    if not place.search(page):
        raise BenchError(f"{PAGE} lacks the lines {BEGIN} and {END} around its figures")
    PAGE.write_text(place.sub(lambda _: _figures(results), page))
    PICTURE.write_text(picture.draw(results))
    results.write(REFERENCE)


def _figures(results: Results) -> str:
    troubles = "".join(f"\n- {trouble}" for trouble in results.troubles)
    parts = [
        BEGIN,
        f"Run of {results.began[:10]}, {results.seconds / 60:.0f} minutes long, on:",
        table.machine(results),
        f"![pgrok against its targets]({PICTURE.name})",
        "### Targets",
        table.targets(results),
        "### Everything measured",
        table.measures(results),
        *([f"What went wrong in this run:\n{troubles}"] if troubles else []),
        END,
    ]
    return "\n\n".join(parts)
