from __future__ import annotations

import pytest

from pgrok.errors import RemoteProtocolError
from pgrok.http.fields import HOP_BY_HOP, Fields, permitted_trailers, unforwarded

FIELDS = Fields.of(
    (b"Accept", b"a"),
    (b"X-List", b"One, two"),
    (b"x-list", b",  three\t,"),
    (b"ACCEPT", b"b"),
)


def parse(section: bytes) -> Fields:
    data = b"GET / HTTP/1.1\r\n" + section + b"\r\n"
    return Fields.parse(data, 15, len(data) - 2)


def test_names_are_found_without_case() -> None:
    assert FIELDS.values(b"accept") == [b"a", b"b"]
    assert FIELDS.values(b"absent") == []
    assert FIELDS.first(b"accept") == b"a"
    assert FIELDS.first(b"absent") is None


def test_the_only_one() -> None:
    assert Fields.of((b"Host", b"a")).only(b"host") == b"a"
    assert Fields.of((b"Host", b"a"), (b"host", b"a")).only(b"host") is None
    assert Fields.of().only(b"host") is None


def test_lists_go_over_several_lines() -> None:
    assert FIELDS.tokens(b"x-list") == [b"one", b"two", b"three"]
    assert FIELDS.tokens(b"absent") == []


def test_lines_are_kept_in_order_and_as_sent() -> None:
    assert FIELDS.lines_without(frozenset({b"x-list"})) == [b"Accept: a", b"ACCEPT: b"]
    assert parse(b"X-a:1\r\nx-B: \t\r\n").lines == [b"X-a:1", b"x-B: \t"]


def test_white_space_around_a_value_is_none_of_it() -> None:
    assert parse(b"A:1\r\nB: \t2 3\t \r\nC:\r\n").pairs() == [
        (b"A", b"1"),
        (b"B", b"2 3"),
        (b"C", b""),
    ]


def test_no_fields() -> None:
    assert parse(b"") == Fields.of()


def test_tabs_and_other_peoples_letters_are_legal() -> None:
    assert parse(b"A: a\tb \xe9\xff\r\n").first(b"a") == b"a\tb \xe9\xff"


@pytest.mark.parametrize("octet", [*range(0x09), *range(0x0A, 0x20), 0x7F])
@pytest.mark.parametrize("section", [b"A: x\r\nB: a%cb\r\n", b"A: a%cb\r\nB: x\r\n", b"A: %c\r\n"])
def test_control_characters_are_illegal(section: bytes, octet: int) -> None:
    with pytest.raises(RemoteProtocolError):
        parse(section % octet)


@pytest.mark.parametrize("octet", [*range(0x21), *b'"(),/:;<=>?@[\\]{}', *range(0x7F, 0x100)])
def test_what_no_name_holds(octet: int) -> None:
    with pytest.raises(RemoteProtocolError):
        parse(b"A: x\r\n%cB: y\r\n" % octet)
    if octet != ord(":"):
        with pytest.raises(RemoteProtocolError):
            parse(b"B%c: y\r\n" % octet)


@pytest.mark.parametrize(
    "section",
    [
        b"A: x\r\n b\r\n",
        b"A: x\nB: y\r\n",
        b"A: x\rB: y\r\n",
        b"A: x\r\r\n",
        b"A: x\n\r\n",
        b"A\r\n",
        b": x\r\n",
        b"\r\nA: x\r\n",
    ],
)
def test_what_is_no_field_line(section: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse(section)


@pytest.mark.parametrize("name", sorted(HOP_BY_HOP))
def test_fields_of_one_connection_stay_on_it(name: bytes) -> None:
    fields = Fields.of((name.title(), b"x"), (b"Accept", b"y"))
    assert fields.lines_without(HOP_BY_HOP) == [b"Accept: y"]


def test_fields_that_connection_names_stay_too() -> None:
    assert unforwarded([b"close"], HOP_BY_HOP) == HOP_BY_HOP
    assert unforwarded([b"close", b"x-hop"], HOP_BY_HOP) == HOP_BY_HOP | {b"x-hop"}


def test_connection_cannot_take_away_what_routes_and_frames() -> None:
    assert unforwarded([b"host", b"content-length", b"x-real-ip", b"a"], HOP_BY_HOP) == (
        HOP_BY_HOP | {b"a"}
    )
    assert unforwarded([b"x-forwarded-port", b"a"], HOP_BY_HOP) == HOP_BY_HOP | {b"a"}


def test_what_is_dropped_always_cannot_be_kept_by_naming_it() -> None:
    always = HOP_BY_HOP | {b"content-length"}
    assert unforwarded([b"host", b"content-length"], always) == always


@pytest.mark.parametrize(
    "name",
    [
        *(b"Content-Length", b"transfer-encoding", b"Host", b"Set-Cookie", b"X-Forwarded-For"),
        *(b"TE", b"Content_Length", b"x_forwarded-for"),
        *(b"X-Forwarded-Port", b"x_forwarded_prefix", b"X-FORWARDED"),
    ],
)
def test_trailers_cannot_change_a_message_that_is_under_way(name: bytes) -> None:
    assert permitted_trailers(Fields.of((name, b"x"), (b"Digest", b"y"))) == [b"Digest: y"]
