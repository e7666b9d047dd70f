"""Structured log lines: text on a terminal, JSON otherwise."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo

from pgrok.server.settings import LogSettings
from pgrok.text import indented, printable

QUIET = (
    "aiosqlite",
    "alembic",
    "asyncio",
    "asyncssh",
    "filelock",
    "httpcore2",
    "httpx2",
    "psycopg",
    "sqlalchemy",
    "uvicorn",
)
"""Libraries whose warnings are wanted and whose chatter is not: asyncssh's at its finest would
print passwords, and aiosqlite's every value that goes into the database."""


OMITTED = "lines left out"

LINES = 20
"""Warnings and errors of one kind that are written in `SECONDS`: a flood must not fill the disk."""

SECONDS = 60.0


class Seldom(logging.Filter):
    """Leaves out warnings and errors of which there were many of late, tracebacks and all.

    How many that were is told when the next line of any kind is. `now` gives seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._until = 0.0
        self._seen: Counter[tuple[str, str]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is one of few."""
        if record.levelno < logging.WARNING:
            return True
        if self._now() >= self._until:
            self._begin_anew()
        kind = record.name, _event_of(record)
        self._seen[kind] += 1
        return self._seen[kind] <= LINES

    def _begin_anew(self) -> None:
        self._until = self._now() + SECONDS
        seen, self._seen = self._seen, Counter()
        for (name, event), number in seen.items():
            if number > LINES:
                structlog.get_logger(name).warning(OMITTED, of=event, number=number - LINES)


def _event_of(record: logging.LogRecord) -> str:
    """Return what a record says before anything is filled in; structlog's are dictionaries."""
    return str(record.msg.get("event")) if isinstance(record.msg, dict) else str(record.msg)


def configure(settings: LogSettings) -> None:
    """Send the records of this process, structlog's and the standard library's, to stderr."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.addFilter(Seldom())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(settings),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _renderers(settings: LogSettings) -> list[Any]:
    as_text = settings.format == "text" or (settings.format == "auto" and sys.stderr.isatty())
    if as_text:
        return [
            _one_line,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=_traceback
            ),
        ]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _traceback(out: TextIO, exception: ExcInfo) -> None:
    """Write a traceback; structlog's own tells what all variables hold, and those hold secrets."""
    out.write("\n" + indented("".join(traceback.format_exception(*exception)).rstrip("\n")))


def _one_line(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Let what others say of themselves forge no line and command no terminal."""
    return {
        key: printable(value) if isinstance(value, str) else value for key, value in event.items()
    }
