"""Hypothesis and a loop together: what is opened once is attacked by many examples."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

import uvloop
from hypothesis import settings

T = TypeVar("T")

EXAMPLES = int(os.environ.get("PGROK_FUZZ_EXAMPLES", "100"))
"""How many `make fuzz` wants; without it, as many as fit into a few seconds."""

FUZZING = settings(max_examples=EXAMPLES, deadline=None, database=None)


@contextmanager
def opened(arena: AbstractAsyncContextManager[T]) -> Iterator[tuple[asyncio.Runner, T]]:
    """Open `arena` on a loop of its own, on which the body may run what it likes."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        entered = runner.run(arena.__aenter__())
        try:
            yield runner, entered
        finally:
            runner.run(arena.__aexit__(None, None, None))
