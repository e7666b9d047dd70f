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
        self._question: asyncio.Task[bool] | None = None

    async def problem(self) -> str | None:
        """Return why the server is not ready, or None if it is."""
        if self.draining:
            return "draining"
        if not self.listening:
            return "starting"
        return None if await self._database_answers() else "the database does not answer"

    def end(self) -> None:
        """Take back the question that the database has not answered."""
        if self._question is not None:
            self._question.cancel()

    async def _database_answers(self) -> bool:
        """Whether it does in time.

        Giving up on a server that hangs takes the driver seconds, so nobody waits for that: all
        who ask meanwhile wait for the same question, each for as long as they may.
        """
        if self._question is None or self._question.done():
            self._question = asyncio.create_task(_is_answered(self._ask), name="readiness")
        done, _ = await asyncio.wait([self._question], timeout=DATABASE_SECONDS)
        return any(question.result() for question in done if not question.cancelled())


async def _is_answered(ask: Callable[[], Awaitable[object]]) -> bool:
    try:
        await ask()
    except StoreError:
        return False
    return True
