"""A set that can be waited for to empty: the connections that a drain lets finish."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Members(Generic[T]):
    """Who is here now."""

    def __init__(self) -> None:
        self._members: set[T] = set()
        self._nobody = asyncio.Event()
        self._nobody.set()

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[T]:
        """Go over those who are here at the start of it; they may leave meanwhile."""
        return iter(list(self._members))

    def enter(self, member: T) -> None:
        """Somebody comes."""
        self._members.add(member)
        self._nobody.clear()

    def leave(self, member: T) -> None:
        """Somebody goes, or had gone already."""
        self._members.discard(member)
        if not self._members:
            self._nobody.set()

    async def gone(self, seconds: float) -> bool:
        """Wait until nobody is left, at most that long; True if nobody is."""
        try:
            async with asyncio.timeout(seconds):
                await self._nobody.wait()
        except TimeoutError:
            return False
        return True
