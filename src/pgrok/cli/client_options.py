"""The options of `pgrok`, which may stand before its command and after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Options:
    """What was typed, or stands in the environment; `values` are settings by their keys."""

    config: Path | None = None
    debug: bool = False
    values: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, *, config: Path | None, debug: bool, **values: str | None) -> Options:
        """Return the options that click found; a value of nothing was not given."""
        return cls(config, debug, {key: value for key, value in values.items() if value})

    def overridden(self, later: Options) -> Options:
        """Return these options with those that were given later in their place."""
        return Options(
            later.config or self.config, later.debug or self.debug, {**self.values, **later.values}
        )


def client_options(*, environment: bool) -> Callable[[FunctionT], FunctionT]:
    """Add the options to a command; with `environment`, PGROK_* variables give them, too.

    Only the group reads those: else they would win over what was typed before the command.
    """

    def option(
        *names: str, variable: str | None = None, **rest: Any
    ) -> Callable[[FunctionT], FunctionT]:
        return click.option(*names, envvar=variable if environment else None, **rest)

    options = (
        option(
            *("-r", "--remote-addr"),
            variable="PGROK_REMOTE_ADDR",
            metavar="HOST:PORT",
            help="The server; its port is 2222 unless given.",
        ),
        option(
            *("-f", "--forward-addr"),
            variable="PGROK_FORWARD_ADDR",
            metavar="ADDR",
            help="Where to forward to, as ADDR.",
        ),
        option(
            *("-t", "--token"),
            variable="PGROK_TOKEN",
            metavar="TOKEN",
            help="Your token. The process list shows it to others: prefer the settings file, "
            "or the variable PGROK_TOKEN.",
        ),
        option(
            "--fingerprint",
            variable="PGROK_FINGERPRINT",
            metavar="SHA256:...",
            help="The only host key to accept from the server; several separated by spaces.",
        ),
        option(
            *("-c", "--config"),
            variable="PGROK_CONFIG",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="The settings file; else ~/.pgrok/pgrok.yml, else pgrok.yml in the user's "
            "configuration folder.",
        ),
        option(
            *("-d", "--debug"),
            is_flag=True,
            help="Say more, and show where an error inside pgrok comes from.",
        ),
    )

    def decorate(function: FunctionT) -> FunctionT:
        for add in reversed(options):
            function = add(function)
        return function

    return decorate
