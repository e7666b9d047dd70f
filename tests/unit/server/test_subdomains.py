from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgrok.errors import NameRefused
from pgrok.server.subdomains import RESERVED, alternative, candidates, label_from_identifier

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
HEX = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("identifier", "label"),
    [
        ("bob@example.com", "bob"),
        ("bob", "bob"),
        ("Bob.Smith@example.com", "bob-smith"),
        ("a@b@c", "a-b-c"),
        ("jane--doe..x@example.com", "jane-doe-x"),
        ("-.jane.-@example.com", "jane"),
        ("snake_case", "snake-case"),
        ("josé+tag@example.com", "jos-tag"),
        ("İ1", "1"),
        ("a" * 29 + "-bcd", "a" * 29),
        ("x" * 64, "x" * 30),
    ],
)
def test_an_identifier_asks_for_a_label(identifier: str, label: str) -> None:
    assert label_from_identifier(identifier) == label


@pytest.mark.parametrize("identifier", ["", "@example.com", "...", "-", "_", "@@", "日本"])
def test_an_identifier_without_letters_or_digits_is_refused(identifier: str) -> None:
    with pytest.raises(NameRefused, match="at least one ASCII letter or digit"):
        label_from_identifier(identifier)


@given(st.text())
def test_whatever_the_identifier_the_label_is_one_of_dns(identifier: str) -> None:
    try:
        label = label_from_identifier(identifier)
    except NameRefused:
        return
    assert LABEL.fullmatch(label)
    assert len(label) <= 30
    assert label_from_identifier(label) == label


@given(st.from_regex(LABEL, fullmatch=True).map(lambda label: label[:30].rstrip("-")))
def test_candidates_differ_and_are_labels_that_nobody_reserved(label: str) -> None:
    names = list(itertools.islice(candidates(label), 120))
    assert len(set(names)) == len(names)
    assert not RESERVED.intersection(names)
    assert all(LABEL.fullmatch(name) and len(name) <= 30 for name in names)


def test_candidates_count_on_from_the_label() -> None:
    assert list(itertools.islice(candidates("bob"), 3)) == ["bob", "bob-2", "bob-3"]
    assert next(candidates("www")) == "www-2"
    assert next(candidates("bob", reserved={"bob", "bob-2"})) == "bob-3"


def test_a_long_label_makes_room_for_the_number() -> None:
    assert list(itertools.islice(candidates("b" * 30), 2)) == ["b" * 30, "b" * 28 + "-2"]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("bob", f"{HEX}-bob"),
        ("jane.doe", f"{HEX}-jane.doe"),
        ("l" * 60 + ".x", f"{HEX}-{'l' * 30}.x"),
    ],
)
def test_the_alternative_is_a_host_name(label: str, name: str) -> None:
    assert alternative(label, HEX) == name
    assert all(len(part) <= 63 for part in name.split("."))
