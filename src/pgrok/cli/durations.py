"""Spans of time as people type them: `90m`, `12h`, `30d`, `8w`."""

from __future__ import annotations

import re
from datetime import timedelta

import click

_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: str) -> timedelta:
    """Return the span that `text`, a number and m, h, d or w, means; for Click's `type`."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text!r}: expected a number and m, h, d or w, such as 30d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
