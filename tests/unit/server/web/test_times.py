"""Times relative and exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pgrok.server.web.times import ago, exact

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (86399, "23 hours ago"),
        (86400, "1 day ago"),
        (86400 * 40, "40 days ago"),
    ],
)
def test_the_largest_unit_that_fits(seconds: int, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_the_exact_time_is_in_utc() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=5)))
    assert exact(there) == "2026-11-23 12:00:00 UTC"
