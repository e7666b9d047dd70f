"""Structured log lines: text on a terminal, JSON otherwise."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict

from pgrok.server.settings import LogSettings
from pgrok.text import printable

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
        return [_one_line, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _one_line(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Let what others say of themselves forge no line and command no terminal."""
    return {
        key: printable(value) if isinstance(value, str) else value for key, value in event.items()
    }
