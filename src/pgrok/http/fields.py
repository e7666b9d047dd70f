"""Header and trailer fields (RFC 9110 5): kept in order, names as sent, looked up without case."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

Field = tuple[bytes, bytes]
"""A name as it was sent, and its value without white space around it."""

Fields = list[Field]

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Fields that speak of one connection only and are never passed on (RFC 9110 7.6.1)."""

ABOUT_VISITOR = frozenset(
    {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"}
)
"""Fields in which relays tell who sent a request (RFC 7239)."""

FORBIDDEN_IN_TRAILERS = (
    HOP_BY_HOP
    | ABOUT_VISITOR
    | {
        b"authorization",
        b"cache-control",
        b"content-encoding",
        b"content-length",
        b"content-range",
        b"content-type",
        b"cookie",
        b"expect",
        b"host",
        b"max-forwards",
        b"range",
        b"set-cookie",
    }
)
"""Fields that would change the meaning of a message already under way (RFC 9110 6.5.1)."""

# Framing, routing and what a relay says are no business of a visitor's Connection field.
_NEVER_NOMINATED = ABOUT_VISITOR | {b"host", b"content-length"}

_ILLEGAL_IN_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def values(fields: Iterable[Field], name: bytes) -> list[bytes]:
    """Return the values of all fields called `name`, which is given in lower case."""
    return [value for key, value in fields if key.lower() == name]


def first(fields: Iterable[Field], name: bytes) -> bytes | None:
    """Return the value of the first field called `name` (lower case), or None."""
    return next((value for key, value in fields if key.lower() == name), None)


def tokens(fields: Iterable[Field], name: bytes) -> Iterator[bytes]:
    """Yield the members of the comma-separated list in all fields called `name`, lower case."""
    for value in values(fields, name):
        for member in value.lower().split(b","):
            if token := member.strip(b" \t"):
                yield token


def without(fields: Iterable[Field], names: Collection[bytes]) -> Fields:
    """Return the fields that are not called by one of `names`, which are in lower case."""
    return [field for field in fields if field[0].lower() not in names]


def end_to_end(fields: Fields) -> Fields:
    """Return the fields that may be passed on: no hop-by-hop ones, none that Connection names."""
    nominated = set(tokens(fields, b"connection")) - _NEVER_NOMINATED
    return without(fields, HOP_BY_HOP | nominated if nominated else HOP_BY_HOP)


def permitted_trailers(fields: Iterable[Field]) -> Fields:
    """Return the trailer fields that may be passed on (RFC 9110 6.5.1)."""
    return without(fields, FORBIDDEN_IN_TRAILERS)


def has_illegal_value(fields: Iterable[Field]) -> bool:
    """Whether a value holds a control character other than a tab (RFC 9110 5.5)."""
    return any(_ILLEGAL_IN_VALUE.search(value) for _, value in fields)


def encode(fields: Iterable[Field]) -> bytes:
    """Return the field lines as they go over the wire, each with its line end."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])
