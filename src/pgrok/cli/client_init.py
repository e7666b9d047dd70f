"""Asks what the settings file needs and writes it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from pgrok.cli.client_options import Options
from pgrok.client import settings_file
from pgrok.client.files import settings_path
from pgrok.client.settings import COMMAND_LINE, check, check_value
from pgrok.errors import ConfigError

_QUESTIONS = {
    "remote_addr": "Server (HOST:PORT)",
    "forward_addr": "Forward to",
    "token": "Token (it is not shown)",
}
_SUGGESTIONS = {"forward_addr": "http://localhost:3000"}


def initialise(options: Options) -> None:
    """Write the settings that were given, and answers for those that were not."""
    path = options.config or settings_path()
    present = settings_file.read(path) if path.exists() else {}
    try:
        answers = {key: _answer(key, present) for key in _QUESTIONS if key not in options.values}
    except click.Abort:
        raise click.ClickException("ended before anything was written") from None
    values = {**answers, **options.values}
    check(values, COMMAND_LINE)
    settings_file.write(path, values)
    click.echo(f"The settings are in {path}; only you can read them.")
    click.echo("Type next: pgrok")


def _answer(key: str, present: Mapping[str, Any]) -> str:
    known = str(present.get(key, ""))
    if not sys.stdin.isatty():
        if known:
            return known
        option = key.replace("_", "-")
        raise click.UsageError(f"nobody can be asked here: give --{option} or PGROK_{key.upper()}")
    question = _QUESTIONS[key]
    if key == "token" and known:
        question = "Token (it is not shown; Enter keeps the present one)"
    answer: str = click.prompt(
        question,
        default=known or _SUGGESTIONS.get(key),
        hide_input=key == "token",
        show_default=key != "token",
        value_proc=_checker(key),
    )
    return answer


def _checker(key: str) -> Callable[[str], str]:
    def checked(text: str) -> str:
        try:
            check_value(key, text)
        except ConfigError as error:
            raise click.UsageError(f"expected {error.problems[0].expected}") from None
        return text

    return checked
