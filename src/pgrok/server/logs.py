"""Structured log lines: text on a terminal, JSON otherwise."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo

from pgrok.lines import LineWriter, writer
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

UNREAD = "%d lines left out: the output is read too slowly"

LAST_WORDS_SECONDS = 1.0
"""How long the last lines may take to be written at the end of the process."""


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


class Lines(logging.Handler):
    """Writes records to stderr, without making anybody wait for whoever reads it.

    Beyond what may wait, news are left out, and beyond twice as much warnings and errors too.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines = LineWriter(writer(sys.stderr), left_out=self._left_out)

    def emit(self, record: logging.LogRecord) -> None:
        """Have a record written soon; called by one thread at a time."""
        try:
            self._lines.put(self.format(record), record.levelno < logging.WARNING)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Write what is left to write, for as long as the end of a process may take."""
        self._lines.close(LAST_WORDS_SECONDS)
        super().close()

    def _left_out(self, number: int) -> str:
        values = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING"}
        record = logging.makeLogRecord({**values, "msg": UNREAD, "args": (number,)})
        return self.format(record)


@contextmanager
def written(settings: LogSettings) -> Iterator[None]:
    """Send what the body logs to stderr, and end when that is written, if somebody reads it.

    Whatever is printed afterwards, such as why the body failed, comes after its log.
    """
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    handler = Lines()
    configure(settings, handler)
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        handler.close()


def configure(settings: LogSettings, handler: logging.Handler) -> None:
    """Hand the records of this process, structlog's and the standard library's, to `handler`."""
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
    as_text = settings.format == "text" or (settings.format == "auto" and _on_terminal())
    if as_text:
        colours = _on_terminal()
        return [
            _one_line,
            structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=_traceback),
        ]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _traceback(out: TextIO, exception: ExcInfo) -> None:
    """Write a traceback; structlog's own tells what all variables hold, and those hold secrets."""
    out.write("\n" + indented("".join(traceback.format_exception(*exception)).rstrip("\n")))


def _one_line(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Let what others say of themselves forge no line and command no terminal."""
    return {
        key: printable(value) if isinstance(value, str) else value for key, value in event.items()
    }
