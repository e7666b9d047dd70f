"""The command `pgrok`.

Nothing is imported here but what the interpreter has anyway: Ctrl-C is to end the command
without a traceback even while it is starting.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command that was typed, and end the process."""
    try:
        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status = 0
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # whoever read it is gone, or it was closed from the start
    # A name look-up runs in a thread that nothing can cancel and that the interpreter would
    # wait for: Ctrl-C would seem to hang.
    os._exit(status)


def run(arguments: list[str]) -> int:
    """Run a command line, tell of a failure on stderr, and return the exit status."""
    from pgrok.cli.client_commands import pgrok
    from pgrok.cli.client_failures import report

    try:
        status = pgrok.main(arguments, prog_name="pgrok", standalone_mode=False)
    except Exception as error:
        return report(error, debug=not {"-d", "--debug"}.isdisjoint(arguments))
    return status if isinstance(status, int) else 0
