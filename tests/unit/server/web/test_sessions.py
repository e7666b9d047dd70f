"""Which cookie of a browser is ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgrok.server.web.sessions import cookie

NAME = "__Host-pgrok-session"


@pytest.mark.parametrize(
    "fields",
    [
        [f"{NAME}=id"],
        [f"a=b; {NAME}=id; c"],
        [f"a=b;{NAME}=id;"],
        ["a=b", f"{NAME}=id"],
        [f"=; {NAME}=id; x{NAME}=other; {NAME}x=other"],
    ],
)
def test_it_is_found_among_others(fields: list[str]) -> None:
    assert cookie(fields, NAME) == "id"


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [""],
        [f"a={NAME}=id"],
        [NAME.lower() + "=id"],
        [f"\xa0{NAME}=id"],
        [f"\x85{NAME}=id"],
        [f"{NAME}\xa0=id"],
        [f"\t{NAME}=id"],
        [f'"{NAME}"=id'],
    ],
)
def test_a_name_that_is_almost_ours_is_another(fields: list[str]) -> None:
    assert cookie(fields, NAME) is None


@pytest.mark.parametrize("fields", [[f"{NAME}=id; {NAME}=id"], [f"{NAME}=id", f"{NAME}=other"]])
def test_of_two_neither_is_believed(fields: list[str]) -> None:
    assert cookie(fields, NAME) is None


@given(st.text(st.characters(max_codepoint=255)).filter(lambda text: text.strip(" ")))
def test_nothing_before_the_name_is_overlooked(before: str) -> None:
    found = cookie([f"{before}{NAME}=id"], NAME)
    assert found is None or before.rstrip(" ").endswith(";")
