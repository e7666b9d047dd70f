"""Heads repeat: whoever polls, retries or puts a load on a server sends the same one again.

What follows from a head is a function of its octets, so it need not be worked out anew.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

MAX_REMEMBERED = 256
"""Heads that each function remembers; the one not seen for longest is forgotten."""

MAX_REMEMBERED_BYTES = 2048
"""Octets of a head that is remembered, which is most of them."""

Head = TypeVar("Head")
Result = TypeVar("Result")
Others = ParamSpec("Others")

Of = Callable[Concatenate[Head, Others], Result]
"""A function of a head, and maybe of other things."""

raw_octets: Callable[[bytes], int] = len
"""The size of a head that is not parsed yet."""


def remembering(
    octets: Callable[[Head], int],
) -> Callable[[Of[Head, Others, Result]], Of[Head, Others, Result]]:
    """Remember the results of a pure function of a head, of which `octets` tells the size.

    The arguments have to be hashable and given by position; results must not be changed.
    Exceptions are not remembered.
    """

    def decorate(function: Of[Head, Others, Result]) -> Of[Head, Others, Result]:
        recall = cast("Of[Head, Others, Result]", lru_cache(maxsize=MAX_REMEMBERED)(function))

        @wraps(function)
        def call(head: Head, /, *others: Others.args, **names: Others.kwargs) -> Result:
            if octets(head) > MAX_REMEMBERED_BYTES:
                return function(head, *others, **names)
            return recall(head, *others, **names)

        return call

    return decorate
