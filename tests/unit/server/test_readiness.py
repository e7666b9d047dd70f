from __future__ import annotations

import asyncio

import pytest

from pgrok.errors import StoreUnavailable
from pgrok.server import readiness
from pgrok.server.readiness import Readiness


async def answers() -> int:
    return 1


async def fails() -> int:
    raise StoreUnavailable("gone")


async def hangs() -> int:
    await asyncio.Event().wait()
    return 1


async def test_all_who_ask_while_the_database_hangs_ask_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readiness, "DATABASE_SECONDS", 0.01)
    asked: list[asyncio.Event] = []

    async def ask() -> None:
        asked.append(asyncio.Event())
        await asked[-1].wait()

    state = Readiness(ask)
    state.listening = True
    assert await state.problem() == await state.problem() == "the database does not answer"
    (question,) = asked
    question.set()
    assert await state.problem() is None
    assert await state.problem() == "the database does not answer", "it is asked anew"
    assert len(asked) == 2
    state.end()


async def test_it_is_ready_between_start_and_end() -> None:
    state = Readiness(answers)
    assert await state.problem() == "starting"
    state.listening = True
    assert await state.problem() is None
    state.draining = True
    assert await state.problem() == "draining"


@pytest.mark.parametrize("ask", [fails, hangs])
async def test_it_is_not_ready_without_a_database(ask, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(readiness, "DATABASE_SECONDS", 0.0)
    state = Readiness(ask)
    state.listening = True
    assert await state.problem() == "the database does not answer"
