"""What the commands of `pgrokd` share: where the settings are, an open store, failures."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from pgrok.errors import ConfigError, PgrokError, UsageError
from pgrok.text import printable

if TYPE_CHECKING:
    from pgrok.server.settings import Settings
    from pgrok.server.store import Store

ResultT = TypeVar("ResultT")

DEFAULT_FILE = Path("pgrokd.yml")
"""Settings file in the working directory; without one the server is for its own machine."""

FAILED, MISUSED, NOT_FOUND = 1, 2, 3
"""Exit statuses."""

_FILE = "pgrokd.settings_file"


class NotFound(click.ClickException):
    """Somebody or something that was named is not there."""

    exit_code = NOT_FOUND


class Commands(click.Group):
    """A group whose commands end with a message and a status instead of a traceback."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command that was typed."""
        try:
            return super().invoke(context)
        except ConfigError as error:
            problems = "\n".join(f"  {printable(str(problem))}" for problem in error.problems)
            _fail(f"The settings cannot be used:\n{problems}", MISUSED)
        except PgrokError as error:
            _fail(printable(str(error)), MISUSED if isinstance(error, UsageError) else FAILED)
        except ModuleNotFoundError as error:
            if (error.name or "pgrok").partition(".")[0] == "pgrok":
                raise
            _fail(
                f"This is an installation of the client alone: the server needs {error.name} and "
                "more. Install it with: uv tool install 'pgrok-tunnel[server]'",
                FAILED,
            )


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command take `--config FILE`."""
    return click.option(
        "--config",
        "-c",
        type=click.Path(path_type=Path),
        metavar="FILE",
        expose_value=False,
        callback=_remember_file,
        help=f"Settings file; default: {DEFAULT_FILE} in the working directory, if there is one.",
    )(command)


def settings_file() -> Path | None:
    """Return the settings file that was named or is in the working directory."""
    named: Path | None = click.get_current_context().meta.get(_FILE)
    return named or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)


def load_settings() -> Settings:
    """Return the settings; raise `ConfigError` with everything that is wrong with them."""
    from pgrok.server.settings import load

    return load(settings_file(), os.environ)


def with_store(settings: Settings, work: Callable[[Store], Awaitable[ResultT]]) -> ResultT:
    """Return what `work` returns, given the open store."""
    from pgrok.server.store import Store

    async def run() -> ResultT:
        store = await Store.open(
            settings.database.url, own_labels=settings.own_labels, lifetimes=settings.lifetimes
        )
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def _remember_file(context: click.Context, _parameter: click.Parameter, file: Path | None) -> None:
    if file is not None:
        context.meta[_FILE] = file


def _fail(message: str, status: int) -> NoReturn:
    click.echo(f"pgrokd: {message}", err=True)
    raise click.exceptions.Exit(status)
