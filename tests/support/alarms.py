"""What a process says only of its own bugs, whatever others do to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager


class Alarms(logging.Handler):
    """Log records of errors, and exceptions that nobody caught."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.raised: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.raised.append(self.format(record))

    def check(self) -> None:
        """Fail if there was one."""
        raised, self.raised = self.raised, []
        assert not raised, "\n".join(raised)

    def report(self, _: object, context: dict[str, object]) -> None:
        """Take what the loop reports: an exception that nobody caught."""
        self.raised.append(repr(context))


@contextmanager
def raised_alarms() -> Iterator[Alarms]:
    """Collect them while the body runs; to be entered in a running loop."""
    alarms = Alarms()
    asyncio.get_running_loop().set_exception_handler(alarms.report)
    logging.getLogger().addHandler(alarms)
    try:
        yield alarms
    finally:
        logging.getLogger().removeHandler(alarms)
