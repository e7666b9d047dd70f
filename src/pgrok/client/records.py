"""What the client says of a request that it forwarded."""

from __future__ import annotations

from typing import Protocol


class LogRequest(Protocol):
    """Takes note of one forwarded request, when its response has ended, or was a 101."""

    def __call__(self, method: bytes, target: bytes, status: int, seconds: float, /) -> None:
        """`target` is as the visitor sent it, `status` 0 where no response came about; `seconds`
        run from the end of the request's head."""
