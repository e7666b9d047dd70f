"""The figures in docs/behaviour.md are those of the code."""

from __future__ import annotations

import dataclasses
import importlib
import re
from datetime import timedelta
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs/behaviour.md").read_text("utf-8")
FIGURE = re.compile(r"\| ([\d.]+)(?: (\w+))? \| `([\w.]+)` \|$", re.MULTILINE)
UNITS = {
    "": 1.0,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "days": 86400.0,
    "ms": 0.001,
    "KiB": 1024.0,
    "MiB": 1024.0**2,
    "GiB": 1024.0**3,
}
FIGURES = FIGURE.findall(PAGE)


def constant(path: str) -> float:
    """Return the number that `path` below `pgrok` names; of a dataclass, its default."""
    module_path, *names = re.split(r"\.(?=[A-Z])", path, maxsplit=1)
    value: object = importlib.import_module(f"pgrok.{module_path}")
    for name in names[0].split("."):
        if isinstance(value, type) and dataclasses.is_dataclass(value):
            value = {field.name: field.default for field in dataclasses.fields(value)}[name]
        else:
            value = getattr(value, name)
    if isinstance(value, timedelta):
        return value.total_seconds()
    assert isinstance(value, int | float)
    return float(value)


def test_there_are_figures() -> None:
    assert len(FIGURES) > 40


@pytest.mark.parametrize(("number", "unit", "path"), FIGURES, ids=[path for *_, path in FIGURES])
def test_a_figure_is_that_of_the_code(number: str, unit: str, path: str) -> None:
    assert float(number) * UNITS[unit] == constant(path)
