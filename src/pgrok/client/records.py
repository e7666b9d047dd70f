"""What the client remembers of a request that it forwarded."""

from __future__ import annotations

from typing import NamedTuple


class RequestRecord(NamedTuple):
    """One forwarded request, when its response ended, or was a 101.

    `path` is the request target as the visitor sent it. `status` is 0 where no response came
    about. `seconds` run from the end of the request's head.
    """

    method: bytes
    path: bytes
    status: int
    seconds: float
