"""Python source, read as what it says."""

from __future__ import annotations

import ast


def parse(source: str) -> ast.Module:
    """Return the syntax tree of a module.

    Before Python 3.11.5 that fails where another parse comes in between, as that of a traceback
    which the garbage collector has written (gh-106905): then once more.
    """
    try:
        return ast.parse(source)
    except SystemError:
        return ast.parse(source)
