"""Whether the server can be sent visitors and clients: another question than whether it lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pgrok.errors import StoreError

DATABASE_SECONDS = 2.0
"""How long the database may take to answer; whoever asks has a deadline too."""


class Readiness:
    """What the rooms say of themselves, and the database when it is asked with `ask`."""

    def __init__(self, ask: Callable[[], Awaitable[object]]) -> None:
        self.listening = False
        self.draining = False
        self._ask = ask

    async def problem(self) -> str | None:
        """Return why the server is not ready, or None if it is."""
        if self.draining:
            return "draining"
        if not self.listening:
            return "starting"
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                await self._ask()
        except (TimeoutError, StoreError):
            return "the database does not answer"
        return None
