"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_UNITS: Final = (("day", 86400), ("hour", 3600), ("minute", 60))


def ago(then: datetime, now: datetime) -> str:
    """Return how long `then` is past, in the largest unit that fits: `3 hours ago`."""
    seconds = int((now - then).total_seconds())
    for unit, length in _UNITS:
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def exact(then: datetime) -> str:
    """Return `then` to the second, in UTC."""
    return then.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
