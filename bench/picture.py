"""The targets as a picture: a bar each, a line for the floors, a mark for each aim."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bench.results import Results
from bench.targets import TARGETS, Target, verdict

WIDTH, ROW, TOP, BOTTOM = 860, 24, 58, 16
BAR_LEFT, BAR_WIDTH = 270, 380
FULL_SCALE = 2.5
"""The score at which a bar is full: so many times as good as the floor."""

NOTE = (
    "Longer is better. Solid line: the floor. Dashed line: the aim. "
    "x: times what ssh -R does in the same run."
)

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: 600; }
.note { fill: #59636e; }
.met { fill: #1a7f5a; } .under { fill: #c2410c; } .rail { fill: #d1d9e0; fill-opacity: 0.4; }
.floor, .aim { stroke: #1f2328; stroke-width: 1.5; } .aim { stroke-dasharray: 2 2; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .note { fill: #9198a1; }
  .met { fill: #3fb68b; } .under { fill: #f0883e; }
  .floor, .aim { stroke: #e6edf3; }
}
"""


def draw(results: Results) -> str:
    """Return the picture as SVG, readable on light and on dark ground."""
    measured = [
        (target, value) for target in TARGETS if (value := target.value(results)) is not None
    ]
    height = TOP + ROW * len(measured) + BOTTOM
    rows = "\n".join(
        line
        for number, (target, value) in enumerate(measured)
        for line in _row(target, value, TOP + ROW * number)
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">
<title>pgrok against its targets</title>
<style>{STYLE}</style>
<text class="title" x="12" y="24">pgrok against its targets</text>
<text class="note" x="12" y="44">{NOTE}</text>
{rows}
</svg>
"""


def _row(target: Target, value: float, y: int) -> Iterator[str]:
    middle, floor = y + 14, BAR_LEFT + _length(1.0)
    kind = "met" if target.met(value, target.floor) else "under"
    yield f'<text x="12" y="{middle}">{escape(target.title)}</text>'
    yield _bar("rail", BAR_WIDTH, y)
    yield _bar(kind, _length(target.score(value)), y)
    yield _tick("floor", floor, y)
    if target.aim is not None:
        yield _tick("aim", BAR_LEFT + _length(target.score(target.aim)), y)
    shown = f"{target.shown(value)}, {verdict(target, value)}"
    yield f'<text x="{BAR_LEFT + BAR_WIDTH + 12}" y="{middle}">{escape(shown)}</text>'


def _length(score: float) -> float:
    return round(BAR_WIDTH * min(score, FULL_SCALE) / FULL_SCALE, 1)


def _bar(kind: str, length: float, y: int) -> str:
    return f'<rect class="{kind}" x="{BAR_LEFT}" y="{y + 4}" width="{length}" height="14" rx="2"/>'


def _tick(kind: str, x: float, y: int) -> str:
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="{y + 1}" y2="{y + 21}"/>'
