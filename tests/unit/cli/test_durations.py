from __future__ import annotations

from datetime import timedelta

import click
import pytest

from pgrok.cli.durations import duration


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("8w", timedelta(weeks=8)),
    ],
)
def test_a_number_and_a_unit_are_a_span(text: str, span: timedelta) -> None:
    assert duration(text) == span


@pytest.mark.parametrize("text", ["", "30", "d", "0d", "-1d", "1.5h", "1y", "999999d", "٣d"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="such as 30d"):
        duration(text)
