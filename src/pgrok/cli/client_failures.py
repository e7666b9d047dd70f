"""How `pgrok` ends: one message on stderr, and an exit status for each kind of failure."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import TypeVar

import click

from pgrok.errors import (
    ConfigError,
    HostKeyMismatch,
    PgrokError,
    ServerUnavailable,
    ServerUnreachable,
    TokenRefused,
    TransportError,
    TunnelRefused,
    UsageError,
)

ValueT = TypeVar("ValueT")

EXIT_STATUSES = """\b
Exit status:
  0  ended by Ctrl-C or SIGTERM
  1  an error inside pgrok
  2  a command or a setting that makes no sense
  3  the server cannot be reached
  4  the server does not know the token
  5  the server's host key is not the expected one
  6  the server refuses the tunnel
"""

ENDED, INTERNAL = 0, 1

_STATUSES: dict[type[PgrokError], int] = {
    UsageError: 2,
    ServerUnreachable: 3,
    TransportError: 3,
    TokenRefused: 4,
    HostKeyMismatch: 5,
    TunnelRefused: 6,
}

_ADVICE: dict[type[PgrokError], str] = {
    ServerUnavailable: "Try again in a moment; the server's log has the reason.",
    ServerUnreachable: "Check the address of the server (remote_addr), and the network.",
    TransportError: "Check the address of the server (remote_addr), and the network.",
    TokenRefused: "Get a new token from the server's dashboard, and type: pgrok init",
    TunnelRefused: "The server's administrator can find the reason in its log.",
}


def report(error: Exception, *, debug: bool) -> int:
    """Tell of an error on stderr and return the exit status that goes with it."""
    if isinstance(error, click.Abort):  # click's word for KeyboardInterrupt
        return ENDED
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if not isinstance(error, PgrokError):
        return _report_fault(error, debug=debug)
    from pgrok.text import printable

    for line in (*_lines(error), *_matching(_ADVICE, error)):
        click.echo(printable(line), err=True)
    return next(iter(_matching(_STATUSES, error)), INTERNAL)


def _lines(error: PgrokError) -> list[str]:
    """Return what is told, line by line; what else breaks a line is marked with the rest.

    A server's words are in most errors, and a line of their own could be one that scripts wait for.
    """
    if isinstance(error, ConfigError):
        return ["pgrok: the settings cannot be used:", *(f"  {p}" for p in error.problems)]
    text = f"pgrok: {error}"
    return text.split("\n") if isinstance(error, HostKeyMismatch) else [text]


def _matching(table: Mapping[type[PgrokError], ValueT], error: PgrokError) -> list[ValueT]:
    """Return what the table has for the nearest class of the error, if anything."""
    return [table[kind] for kind in type(error).__mro__ if kind in table][:1]


def _report_fault(error: Exception, *, debug: bool) -> int:
    if debug:
        from pgrok.text import indented

        click.echo(indented("".join(traceback.format_exception(error)).rstrip("\n")), err=True)
    else:
        click.echo(
            f"pgrok: an error inside pgrok ({type(error).__name__}). "
            "Please report it with what --debug shows.",
            err=True,
        )
    return INTERNAL
