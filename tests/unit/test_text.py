from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgrok.text import indented, printable


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31m",
        "\x9b31m",
        "\x07",
        "\x7f",
        "\r\n",
        "\u202e",
        "\u2066",
        "\u200b",
        "\u2028",
        "\ufeff",
    ],
)
def test_what_would_command_a_terminal_is_marked(text: str) -> None:
    assert printable(f"a{text}b").startswith("a�")


@given(st.text())
def test_nothing_but_what_can_be_seen_is_printed(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) == len(text)
    assert printable(shown) == shown


def test_other_peoples_letters_stay() -> None:
    assert printable("José 日本") == "José 日本"


def test_lines_of_others_do_not_begin_where_ours_do() -> None:
    assert indented("one\ntwo\r\x85three\u2028") == "  one\n  two��three�"
