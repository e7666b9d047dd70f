from __future__ import annotations

import asyncio

from pgrok.server.members import Members


async def test_nobody_is_gone_at_once() -> None:
    assert await Members[str]().gone(0.0)


async def test_who_leaves_is_waited_for() -> None:
    members = Members[str]()
    members.enter("one")
    members.enter("other")
    waiting = asyncio.ensure_future(members.gone(10.0))
    members.leave("one")
    members.leave("one")
    assert not waiting.done()
    members.leave("other")
    assert await waiting


async def test_who_stays_is_waited_for_so_long() -> None:
    members = Members[str]()
    members.enter("one")
    assert not await members.gone(0.0)
    assert len(members) == 1


async def test_members_may_leave_while_they_are_gone_over() -> None:
    members = Members[int]()
    for number in range(3):
        members.enter(number)
    for number in members:
        members.leave(number)
    assert len(members) == 0
    assert await members.gone(0.0)
