"""Copies of the source that tests run against in the place of the original."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from guards.guard import ROOT, SOURCE, Guard, GuardError

BIN = Path(sys.prefix, "bin")

RUN_SECONDS = 600
"""What any command may take, all tests of one run included."""

_VERSION = Guard("", "__init__.py", '__version__ = "', '__version__ = "0.copy.', "")


@contextmanager
def copy_of_source(without: Guard | None = None) -> Iterator[Path]:
    """Make a copy, without one guard; give the folder that the package lies in."""
    with tempfile.TemporaryDirectory(prefix="pgrok-guards-") as name:
        folder = Path(name)
        # With its byte code, which stays valid because times are copied too.
        shutil.copytree(SOURCE, folder / SOURCE.name)
        if without is not None:
            file = folder / SOURCE.name / without.file
            file.write_text(without.switched_off(file.read_text("utf-8")), "utf-8")
            _require_known_names(file)
        yield folder


def environment(folder: Path) -> dict[str, str]:
    """Return the environment in which the copy is imported, by subprocesses too.

    `PYTHONPATH` comes before where packages are installed, the original included. Examples that
    hypothesis finds are those of a copy, and go with it.
    """
    storage = folder / "hypothesis"
    return {
        **os.environ,
        "PYTHONPATH": str(folder),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(storage),
    }


def run(command: Sequence[str | Path], folder: Path) -> tuple[int, str]:
    """Run a command with the copy in `folder`; return its status and what it printed.

    Raises `GuardError` if it does not end.
    """
    try:
        done = subprocess.run(
            command,
            env=environment(folder),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=RUN_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise GuardError(f"{command} did not end within {RUN_SECONDS} s") from error
    return done.returncode, done.stdout


def prove() -> None:
    """See that a changed copy is what its interpreter and the installed commands run.

    Raises `GuardError`.
    """
    with copy_of_source(_VERSION) as folder:
        for command in (
            (sys.executable, "-c", "import pgrok; print(pgrok.__version__)"),
            (BIN / "pgrok", "--version"),
            (BIN / "pgrokd", "--version"),
        ):
            status, output = run(command, folder)
            if status or "0.copy." not in output:
                raise GuardError(f"{command[0]} does not run the copy: {output}")


def _require_known_names(file: Path) -> None:
    """Refuse what would fail for a name that is not there, which is no proof of anything."""
    check = ("check", "--isolated", "--quiet", "--select", "F821", file)
    status, output = run([BIN / "ruff", *check], file.parent)
    if status:
        raise GuardError(f"a name is missing without the guard:\n{output}")
