from __future__ import annotations

import asyncio
import gc
from collections.abc import Collection, Mapping
from itertools import pairwise

import pytest

from pgrok.errors import StoreUnavailable
from pgrok.server.store.together import ANSWERED_AT_ONCE, Together


class Database:
    """Knows the length of some words; a query takes until the test says so."""

    def __init__(self, *words: str) -> None:
        self._words = words
        self.queries: list[list[str]] = []
        self.answered = asyncio.Semaphore(0)
        self.down = False
        self.together = Together(self.find)

    async def find(self, asked: Collection[str]) -> Mapping[str, int]:
        self.queries.append(sorted(asked))
        await self.answered.acquire()
        if self.down:
            raise StoreUnavailable("down")
        return {word: len(word) for word in asked if word in self._words}

    def ask(self, *words: str) -> list[asyncio.Task[int | None]]:
        return [asyncio.ensure_future(self.together.ask(word)) for word in words]

    async def asked(self, count: int) -> None:
        while len(self.queries) < count:
            await asyncio.sleep(0)


async def test_a_single_question_waits_for_nobody() -> None:
    database = Database("bob")
    database.answered.release()
    assert await database.together.ask("bob") == 3
    assert database.queries == [["bob"]]


async def test_what_is_asked_meanwhile_shares_the_next_query() -> None:
    database = Database("eve", "mallory")
    first = database.ask("eve")
    await database.asked(1)
    later = database.ask("mallory", "nobody", "mallory")
    database.answered.release()
    await database.asked(2)
    database.answered.release()
    assert await asyncio.gather(*first, *later) == [3, 7, None, 7]
    assert database.queries == [["eve"], ["mallory", "nobody"]]


async def test_the_same_question_is_asked_anew_once_its_query_has_begun() -> None:
    database = Database("eve")
    earlier = database.ask("eve")
    await database.asked(1)
    later = database.ask("eve")
    for _ in range(2):
        database.answered.release()
    assert await asyncio.gather(*earlier, *later) == [3, 3]
    assert database.queries == [["eve"], ["eve"]]


async def test_the_answers_to_many_come_a_few_at_a_time() -> None:
    words = [str(10**number) for number in range(3 * ANSWERED_AT_ONCE)]
    database = Database(*words)
    questions = database.ask(*words)
    database.answered.release()
    done = []
    while not all(question.done() for question in questions):
        done.append(sum(question.done() for question in questions))
        await asyncio.sleep(0)
    assert max(after - before for before, after in pairwise(done)) == ANSWERED_AT_ONCE
    assert [question.result() for question in questions] == [len(word) for word in words]


async def test_a_failure_is_everybodys_who_waits_and_nobody_elses() -> None:
    database = Database("eve")
    first = database.ask("eve")
    await database.asked(1)
    later = database.ask("bob")
    await asyncio.sleep(0)
    database.down = True
    database.answered.release()
    for question in (*first, *later):
        with pytest.raises(StoreUnavailable):
            await question
    database.down = False
    database.answered.release()
    assert await database.together.ask("eve") == 3
    assert database.queries == [["eve"], ["eve"]]


async def test_whoever_gives_up_takes_no_answer_from_the_others() -> None:
    database = Database("eve")
    one, other = database.ask("eve", "eve")
    await database.asked(1)
    one.cancel()
    database.answered.release()
    assert await other == 3
    assert one.cancelled()


async def test_a_failure_that_nobody_waits_for_any_more_is_not_reported() -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reported.append(report))
    database = Database()
    (question,) = database.ask("eve")
    await database.asked(1)
    question.cancel()
    database.down = True
    database.answered.release()
    while database.together._work:
        await asyncio.sleep(0)
    assert reported == []


async def test_who_gives_up_leaves_no_error_behind() -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    database = Database()
    database.down = True
    (question,) = database.ask("eve")
    await database.asked(1)
    question.cancel()
    await asyncio.wait([question])
    database.answered.release()
    while database.together._work is not None:
        await asyncio.sleep(0)
    del question
    gc.collect()
    assert reported == []
