"""Somebody who has a token and sends anything at all: it costs them their connection at most."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from pgrok.protocol import TunnelKind
from support.arena import Move, Visit, open_arena
from support.fuzzing import FUZZING, opened
from support.messages import message

moves = st.lists(st.one_of(message, message, message, st.just(Visit())), min_size=1, max_size=12)
kinds = st.sampled_from([None, *TunnelKind])


def test_nobody_else_notices(database: str) -> None:
    with opened(open_arena(database)) as (runner, arena):

        @FUZZING
        @given(kinds, moves)
        def attack(kind: TunnelKind | None, moves: Sequence[Move]) -> None:
            runner.run(arena.attack(kind, moves))

        attack()
        runner.run(arena.forgets_them())
