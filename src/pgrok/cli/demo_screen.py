"""What `pgrokd demo` shows once everything stands."""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from pgrok.client.console import Console


@dataclass(frozen=True, slots=True)
class Sights:
    """What there is to see besides the tunnel."""

    dashboard: str
    client_file: Path


class Screen(Console):
    """The client's console, with a screen of its own when the tunnel is up."""

    def __init__(self, sights: Sights) -> None:
        super().__init__(_put, remote="the demo's own server")
        self._sights = sights

    def connecting(self) -> None:
        """Say nothing: it takes less than a second."""

    def ready(self, url: str) -> None:
        """Say what stands where, and what to type next."""
        command = f"{_client_command()} http 3000 --config {_short(self._sights.client_file)}"
        click.echo(
            f"""
pgrok is running: a server, an application, and a tunnel from one to the other.

  The application  {click.style(url, bold=True)}
  The dashboard    {self._sights.dashboard}
                   signs you in once, within 15 minutes

Now expose a port of your own. In another terminal, with your number for 3000:

  {click.style(command, bold=True)}

Ctrl-C ends everything. Requests through the tunnel:
"""
        )


def _put(line: str, droppable: bool = False, /) -> None:
    click.echo(line)


def _client_command() -> str:
    """Return how to call `pgrok` from here: by its name, or by the path to it."""
    beside = Path(sys.argv[0]).with_name("pgrok")
    found = shutil.which("pgrok")
    if found is not None and Path(found).resolve() == beside.resolve():
        return "pgrok"
    return _short(beside) if beside.exists() else "pgrok"


def _short(path: Path) -> str:
    """Return the path as one would type it from the working directory."""
    absolute = path.absolute()
    if absolute.is_relative_to(Path.cwd()):
        return shlex.quote(str(absolute.relative_to(Path.cwd())))
    if absolute.is_relative_to(Path.home()):
        return f"~/{shlex.quote(str(absolute.relative_to(Path.home())))}"
    return shlex.quote(str(absolute))
