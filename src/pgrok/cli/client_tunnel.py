"""Runs a tunnel in the terminal: settings in, lines out, until Ctrl-C."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from pgrok.cli.client_options import Options
from pgrok.client import launch
from pgrok.client.console import Console, wants_colour
from pgrok.client.files import known_hosts_path
from pgrok.client.settings import Settings, load
from pgrok.lines import LineWriter, writer
from pgrok.protocol import TunnelKind
from pgrok.text import indented, printable

LAST_WORDS_SECONDS = 0.03
"""How long the last lines may take to be written at the end."""


def serve(kind: TunnelKind, options: Options) -> None:
    """Keep the tunnel up until Ctrl-C or SIGTERM; raises what ends it before."""
    settings, warnings = load(options.config, options.values)
    _log_to_stderr(debug=options.debug)
    for warning in warnings:
        click.echo(f"pgrok: {warning}", err=True)
    with _console(settings) as console:
        launch.run(launch.serve(settings, kind, console, known_hosts=known_hosts_path()))


@contextmanager
def _console(settings: Settings) -> Iterator[Console]:
    lines = LineWriter(writer(sys.stdout))
    terminal = sys.stdout is not None and sys.stdout.isatty()
    colour = wants_colour(terminal=terminal, environ=os.environ)
    try:
        yield Console(lines.put, remote=str(settings.remote_addr), colour=colour)
    finally:
        lines.close(LAST_WORDS_SECONDS)


class _Plain(logging.Formatter):
    """Writes what others said without what would command the terminal or look like our lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the record's text as one printable line."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Return the traceback, whose last lines may be others' words."""
        return indented(super().formatException(ei))


def _log_to_stderr(*, debug: bool) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Plain("%(asctime)s %(name)s: %(message)s" if debug else "%(message)s"))
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, handlers=[handler])
    logging.getLogger("pgrok.client").setLevel(logging.DEBUG if debug else logging.INFO)
