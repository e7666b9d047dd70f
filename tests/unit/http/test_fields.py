from __future__ import annotations

import pytest

from pgrok.http.fields import (
    HOP_BY_HOP,
    Fields,
    encode,
    end_to_end,
    first,
    has_illegal_value,
    permitted_trailers,
    tokens,
    values,
    without,
)

FIELDS: Fields = [
    (b"Accept", b"a"),
    (b"X-List", b"One, two"),
    (b"x-list", b",  three\t,"),
    (b"ACCEPT", b"b"),
]


def test_names_are_found_without_case() -> None:
    assert values(FIELDS, b"accept") == [b"a", b"b"]
    assert values(FIELDS, b"absent") == []
    assert first(FIELDS, b"accept") == b"a"
    assert first(FIELDS, b"absent") is None


def test_lists_go_over_several_lines() -> None:
    assert list(tokens(FIELDS, b"x-list")) == [b"one", b"two", b"three"]


def test_without_keeps_order_and_spelling() -> None:
    assert without(FIELDS, {b"x-list"}) == [(b"Accept", b"a"), (b"ACCEPT", b"b")]


def test_encode_writes_names_as_they_were_sent() -> None:
    assert encode([(b"X-a", b"1"), (b"x-B", b"")]) == b"X-a: 1\r\nx-B: \r\n"


@pytest.mark.parametrize("name", sorted(HOP_BY_HOP))
def test_fields_of_one_connection_stay_on_it(name: bytes) -> None:
    assert end_to_end([(name.title(), b"x"), (b"Accept", b"y")]) == [(b"Accept", b"y")]


def test_fields_that_connection_names_stay_too() -> None:
    fields = [(b"Connection", b"close, X-Hop"), (b"connection", b"x-HOP-2"), (b"X-Hop", b"1")]
    assert end_to_end([*fields, (b"x-hop-2", b"2"), (b"X-Hops", b"3")]) == [(b"X-Hops", b"3")]


def test_connection_cannot_take_away_what_routes_and_frames() -> None:
    fields = [(b"Host", b"a"), (b"Content-Length", b"1"), (b"Connection", b"host, content-length")]
    assert end_to_end(fields) == fields[:2]


@pytest.mark.parametrize(
    "name",
    [b"Content-Length", b"transfer-encoding", b"Host", b"Set-Cookie", b"X-Forwarded-For", b"TE"],
)
def test_trailers_cannot_change_a_message_that_is_under_way(name: bytes) -> None:
    assert permitted_trailers([(name, b"x"), (b"Digest", b"y")]) == [(b"Digest", b"y")]


@pytest.mark.parametrize("octet", [*range(0x09), *range(0x0A, 0x20), 0x7F])
def test_control_characters_are_illegal(octet: int) -> None:
    assert has_illegal_value([(b"A", b"fine"), (b"B", b"a%cb" % octet)])


def test_tabs_and_other_peoples_letters_are_legal() -> None:
    assert not has_illegal_value([(b"A", b"a\tb \xe9\xff"), (b"B", b"")])
