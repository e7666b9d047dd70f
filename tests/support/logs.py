"""Logging that a test may configure without any other test noticing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from pgrok.server.logs import QUIET


@contextmanager
def kept() -> Iterator[None]:
    """Put back whatever is configured meanwhile, of structlog and of the standard library.

    Meanwhile no logger is cached: one that keeps what was configured when it was first used
    would be out of reach for `capture_logs` in every test that comes after.
    """
    before = structlog.get_config()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in QUIET}
    configure = structlog.configure

    def configure_without_cache(**settings: Any) -> None:
        configure(**{**settings, "cache_logger_on_first_use": False})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", configure_without_cache)
        try:
            yield
        finally:
            configure(**before)
            root.handlers[:] = handlers
            root.setLevel(level)
            for name, earlier in levels.items():
                logging.getLogger(name).setLevel(earlier)
