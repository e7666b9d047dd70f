"""File descriptors: every connection takes one, and the system gives a process only so many."""

from __future__ import annotations

import contextlib
import errno
import os
import sys


def make_room(wanted: int) -> int:
    """Let this process have `wanted` descriptors, or as many as it is allowed to; return how many.

    Systems begin with few, macOS with 256, for the sake of programs that use `select`.
    """
    if sys.platform == "win32":  # which has no such limit
        return wanted
    import resource

    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if few < wanted:
        few = min(wanted, most)
        # macOS has another limit besides, which it does not tell.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def are_exhausted() -> bool:
    """Whether there is not one left, for this process or on this machine."""
    try:
        os.close(os.dup(2))
    except OSError as error:
        return error.errno in {errno.EMFILE, errno.ENFILE}
    return False
