"""What can end a run."""

from __future__ import annotations


class BenchError(Exception):
    """A run cannot begin or go on; the text says what is wrong and what to do."""
