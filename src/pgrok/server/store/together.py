"""Questions that are asked at the same time, answered by one query."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Generic, TypeVar

ANSWERED_AT_ONCE = 4
"""Questions whose answers are handed out in one step of the loop: whoever gets one goes on with
it in that step, where others wait."""

K = TypeVar("K")
V = TypeVar("V")

Answer = Callable[[Collection[K]], Awaitable[Mapping[K, V]]]


class Together(Generic[K, V]):
    """Asks `answer` at once, and while it is at work collects what else is to be asked.

    A thousand clients that come back in the same second need a few dozen queries then, and no
    client waits for others to come.
    """

    def __init__(self, answer: Answer[K, V]) -> None:
        self._answer = answer
        self._questions: dict[K, asyncio.Future[V | None]] = {}
        self._work: asyncio.Task[None] | None = None

    async def ask(self, key: K) -> V | None:
        """Return what belongs to `key`, none if nothing does; raises what `answer` raises."""
        loop = asyncio.get_running_loop()
        if key not in self._questions:
            self._questions[key] = loop.create_future()
            # Who asked may have given up; then nobody is left to hear of an error.
            self._questions[key].add_done_callback(_hear)
        question = self._questions[key]
        if self._work is None:
            self._work = loop.create_task(self._answer_all())
        # Whoever else asks the same waits for the same future: one may give up by itself.
        return await asyncio.shield(question)

    async def _answer_all(self) -> None:
        try:
            while self._questions:
                await self._answer_some()
        finally:
            self._work = None

    async def _answer_some(self) -> None:
        asked, self._questions = self._questions, {}
        try:
            found = await self._answer(asked.keys())
        except Exception as error:
            # Those who have come meanwhile need not wait as long again to hear the same.
            later, self._questions = self._questions, {}
            for question in (*asked.values(), *later.values()):
                question.set_exception(error)
        else:
            for number, (key, question) in enumerate(asked.items(), 1):
                question.set_result(found.get(key))
                if number % ANSWERED_AT_ONCE == 0:
                    await asyncio.sleep(0)


def _hear(question: asyncio.Future[Any]) -> None:
    if not question.cancelled():
        question.exception()
