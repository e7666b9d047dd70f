"""The figures in docs/behaviour.md are those of the code."""

from __future__ import annotations

import importlib
import re
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from pgrok.server.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs/behaviour.md").read_text("utf-8")
FIGURE = re.compile(r"\| ([\d.]+)(?: (\w+))? \| `([\w.]+)` \|(?: ([^|\n]+) \|)?$", re.MULTILINE)
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
ENDINGS = {"_days": 86400.0, "_minutes": 60.0}
FIGURES = FIGURE.findall(PAGE)


def constant(path: str) -> float:
    """Return the number that `path` below `pgrok` names."""
    module_path, *names = re.split(r"\.(?=[A-Z])", path, maxsplit=1)
    value: object = importlib.import_module(f"pgrok.{module_path}")
    for name in names[0].split("."):
        value = getattr(value, name)
    if isinstance(value, timedelta):
        return value.total_seconds()
    assert isinstance(value, int | float)
    return float(value)


def setting(path: str) -> float:
    """Return the default of a key of `pgrokd.yml`, in seconds if its name says another unit."""
    value: object = Settings()
    for name in path.split("."):
        value = getattr(value, name)
    assert isinstance(value, int | float)
    return value * next((unit for end, unit in ENDINGS.items() if path.endswith(end)), 1.0)


def is_setting(path: str) -> bool:
    return path.partition(".")[0] in Settings.model_fields


def test_there_are_figures() -> None:
    assert len(FIGURES) > 70


@pytest.mark.parametrize(
    ("number", "unit", "path"),
    [figure[:3] for figure in FIGURES],
    ids=[path for _, _, path, _ in FIGURES],
)
def test_a_figure_is_that_of_the_code(number: str, unit: str, path: str) -> None:
    found = setting(path) if is_setting(path) else constant(path)
    # Exactly: as floats 6.5 ms are not 0.0065 s.
    assert float(Fraction(number) * Fraction(str(UNITS[unit]))) == found


def test_every_limit_that_can_be_set_is_there_with_its_reason() -> None:
    named = {path: reason for _, _, path, reason in FIGURES if is_setting(path)}
    sections = ("limits", "timeouts", "lifetimes")
    keys = {f"{name}.{key}" for name in sections for key, _ in getattr(Settings(), name)}
    assert set(named) >= keys
    assert [path for path, reason in named.items() if not reason] == []
