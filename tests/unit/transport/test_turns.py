from __future__ import annotations

from functools import partial

from pgrok.transport.turns import AT_ONCE, Turns
from support.manual_loop import ManualLoop, manual_loop


def step(loop: ManualLoop) -> None:
    """Run what is due in one step of a loop, and not what it leads to."""
    ready, count = loop._ready, len(loop._ready)
    for _ in range(count):
        ready.popleft()._run()


def test_everybody_has_a_turn_in_the_order_of_asking() -> None:
    loop, had = manual_loop(), list[int]()
    turns = Turns(loop)
    for number in range(20):
        turns.ask(partial(had.append, number))
    loop.run()
    assert had == list(range(20))


def test_a_step_of_the_loop_has_few_turns() -> None:
    loop, had = manual_loop(), list[int]()
    turns = Turns(loop)
    for number in range(4 * AT_ONCE):
        turns.ask(partial(had.append, number))
    counts = []
    while loop._ready:
        before = len(had)
        step(loop)
        counts.append(len(had) - before)
    assert max(counts) == AT_ONCE
    assert len(had) == 4 * AT_ONCE


def test_who_asks_twice_has_one_turn() -> None:
    loop, had = manual_loop(), list[str]()
    turns = Turns(loop)
    turn = partial(had.append, "turn")
    for _ in range(3):
        turns.ask(turn)
    loop.run()
    assert had == ["turn"]
    turns.ask(turn)
    loop.run()
    assert had == ["turn", "turn"]


def test_who_asks_again_in_a_turn_goes_behind_the_others() -> None:
    loop, had = manual_loop(), list[str]()
    turns = Turns(loop)

    def insatiable() -> None:
        had.append("insatiable")
        if len(had) < 9:
            turns.ask(insatiable)

    turns.ask(insatiable)
    for name in "abc":
        turns.ask(partial(had.append, name))
    loop.run()
    assert set(had[:6]) > {"a", "b", "c"}


def test_a_turn_that_fails_costs_nobody_else_theirs() -> None:
    loop, had = manual_loop(), list[str]()
    turns = Turns(loop)

    def fails() -> None:
        raise ValueError

    turns.ask(fails)
    for name in "abc":
        turns.ask(partial(had.append, name))
    loop.run()
    assert had == ["a", "b", "c"]
    assert len(loop.failures) == 1
