"""Heads repeat: whoever polls, retries or puts a load on a server sends the same one again.

What follows from a head is a function of its octets, so it need not be worked out anew.
"""

from __future__ import annotations

from functools import lru_cache

MAX_REMEMBERED = 256
"""Heads that each function remembers; the one not seen for longest is forgotten."""

MAX_REMEMBERED_BYTES = 2048
"""Octets of a head that is remembered, which is most of them."""

remembering = lru_cache(maxsize=MAX_REMEMBERED)
"""Remembers the results of a pure function of a head that is small, which is for the caller to see
to. They must not be changed. Exceptions are not remembered."""
