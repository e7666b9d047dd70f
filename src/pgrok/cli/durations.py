"""Spans of time as people type them: `90m`, `12h`, `30d`, `8w`."""

from __future__ import annotations

import re
from datetime import timedelta

import click

_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Duration(click.ParamType):
    """A number and its unit: m, h, d or w."""

    name = "duration"

    def convert(
        self, value: object, parameter: click.Parameter | None, context: click.Context | None
    ) -> timedelta:
        """Return the span that was typed."""
        match = _SPAN.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r}: expected a number and m, h, d or w, such as 30d", parameter)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
