"""Runs a command with listening sockets as systemd does: `launcher.py 100:101 COMMAND...`.

`LISTEN_PID` is the command's own, so it has to be this very process that becomes it.
"""

from __future__ import annotations

import os
import sys


def main(descriptors: str, *command: str) -> None:
    """Become the command, with the descriptors from 3 on."""
    numbers = [int(number) for number in descriptors.split(":")]
    for place, number in enumerate(numbers, 3):
        os.dup2(number, place)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(numbers)))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
