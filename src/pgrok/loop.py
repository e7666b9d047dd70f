"""Which event loop runs the commands: uvloop, except on Windows, where there is none."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes a loop, None for the standard library's own."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def run_in_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` in a new loop and return its result."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)
