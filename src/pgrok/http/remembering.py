"""Heads repeat: whoever polls, retries or puts a load on a server sends the same one again.

What follows from a head is a function of its octets, so it need not be worked out anew.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

MAX_REMEMBERED = 256
"""Heads that each function remembers; the one not seen for longest is forgotten."""

MAX_REMEMBERED_BYTES = 2048
"""Octets of a head that is remembered, which is most of them."""

Head = TypeVar("Head")

OfHead = TypeVar("OfHead", bound=Callable[..., Any])
"""A function of a head, and maybe of other things."""

raw_octets: Callable[[bytes], int] = len
"""The size of a head that is not parsed yet."""


def remembering(octets: Callable[[Head], int]) -> Callable[[OfHead], OfHead]:
    """Remember the results of a pure function of a head, of which `octets` tells the size.

    The arguments have to be hashable and given by position; results must not be changed.
    Exceptions are not remembered.
    """

    def decorate(function: OfHead) -> OfHead:
        recall = lru_cache(maxsize=MAX_REMEMBERED)(function)

        @wraps(function)
        def call(head: Head, /, *others: Hashable) -> object:
            if octets(head) > MAX_REMEMBERED_BYTES:
                return function(head, *others)
            return recall(head, *others)

        return cast("OfHead", call)

    return decorate
