"""Header and trailer fields (RFC 9110 5): lines in order and as sent, looked up without case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import product

from pgrok.errors import RemoteProtocolError


def in_all_spellings(names: Iterable[bytes]) -> frozenset[bytes]:
    """Return the names, which have dashes, also with underscores for any of these.

    Gateways of the CGI kind take Content_Length and X_Real_IP for the fields so called.
    """
    return frozenset(spelling for name in names for spelling in _spellings(name))


def _spellings(name: bytes) -> Iterator[bytes]:
    first, *rest = name.split(b"-")
    for marks in product((b"-", b"_"), repeat=len(rest)):
        yield first + b"".join(map(b"".join, zip(marks, rest, strict=True)))


HOP_BY_HOP = frozenset(
    {
        # A name that RFC 9112 9.6 reserves, so that the option of Connection means no field.
        b"close",
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

FRAMING = in_all_spellings({b"content-length", b"transfer-encoding"})
"""Fields that say where a body ends (RFC 9112 6)."""

FORBIDDEN_IN_TRAILERS = in_all_spellings(
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

# Relays say more about a visitor than anybody has a list of: -Port, -Prefix, -Ssl. The LF and the
# letter behind it are what is searched for; all else is looked at only where they are found.
_OF_RELAYS = re.compile(rb"\n(x[-_]forwarded[^\n]*)")

# Framing, routing and what a relay says are no business of a visitor's Connection field.
_NEVER_NOMINATED = ABOUT_VISITOR | {b"host", b"content-length"}

# A name, in lower case, and the line around it. The LF of the line before and the one behind hold
# the match in place: where fewer lines match than there are, something between is no field line.
# The quantifiers are possessive, so that no input makes the search go back.
_NAMES = re.compile(rb"\n([!#$%&'*+.^_`|~0-9a-z-]++):[\t\x20-\x7e\x80-\xff]*+\r(?=\n)")


class Fields:
    """A field section. Names to look for are given in lower case.

    `lines` are without their ends, `names` in lower case; both have the same order.
    """

    __slots__ = ("lines", "names")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, lines: Sequence[bytes], names: Sequence[bytes]) -> None:
        self.lines = lines
        self.names = names

    @classmethod
    def of(cls, *fields: tuple[bytes, bytes]) -> Fields:
        """Return the section with these names and values, which are legal."""
        return cls([b"%b: %b" % field for field in fields], [name.lower() for name, _ in fields])

    @classmethod
    def parse(cls, data: bytes, start: int, end: int) -> Fields:
        """Return the field lines in `data`, from the LF before the first to the end of the last.

        Raises `RemoteProtocolError` if anything between is not a field line of RFC 9112 5:
        folded lines, bare CR or LF, control characters.
        """
        names = _NAMES.findall(data.lower(), start, end)
        if len(names) + 1 != data.count(b"\n", start, end):
            raise RemoteProtocolError("malformed field line")
        return cls(data[start + 1 : end - 2].split(b"\r\n") if names else [], names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fields) and self.pairs() == other.pairs()

    def __repr__(self) -> str:
        return f"Fields{self.pairs()}"

    def pairs(self) -> list[tuple[bytes, bytes]]:
        """Return names as they were sent, and values without the white space around them."""
        parted = (line.partition(b":") for line in self.lines)
        return [(name, value.strip(b" \t")) for name, _, value in parted]

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of all fields called `name`."""
        first = self.first(name)
        if first is None or self.names.count(name) == 1:
            return [] if first is None else [first]
        lines = zip(self.lines, self.names, strict=True)
        return [line[len(name) + 1 :].strip(b" \t") for line, called in lines if called == name]

    def first(self, name: bytes) -> bytes | None:
        """Return the value of the first field called `name`, or None."""
        if name not in self.names:
            return None
        return self.lines[self.names.index(name)][len(name) + 1 :].strip(b" \t")

    def only(self, name: bytes) -> bytes | None:
        """Return the value of the one field called `name`; None if there are none or several."""
        return self.first(name) if self.names.count(name) == 1 else None

    def tokens(self, name: bytes) -> list[bytes]:
        """Return the members of the comma-separated lists in all fields called `name`.

        They are in lower case.
        """
        members = b",".join(self.values(name)).lower().split(b",")
        return [token for member in members if (token := member.strip(b" \t"))]

    def lines_without(self, dropped: AbstractSet[bytes]) -> list[bytes]:
        """Return the lines of the fields that are not called by a name in `dropped`."""
        if dropped.isdisjoint(self.names):
            return [*self.lines]
        lines = zip(self.lines, self.names, strict=True)
        return [line for line, name in lines if name not in dropped]


def said_by_relays(names: Iterable[bytes]) -> frozenset[bytes]:
    """Return those of the names, in lower case, that begin with X-Forwarded or X_Forwarded."""
    return frozenset(_OF_RELAYS.findall(b"\n".join([b"", *names])))


def unforwarded(nominated: Iterable[bytes], always: frozenset[bytes]) -> frozenset[bytes]:
    """Return what may not be passed on: `always`, and what a Connection field nominates.

    It cannot nominate what routes, frames or tells who asked.
    """
    if always.issuperset(nominated):
        return always
    kept = _NEVER_NOMINATED.union(said_by_relays(nominated)) - always
    return always.union(nominated) - kept


def permitted_trailers(trailers: Fields) -> list[bytes]:
    """Return the lines of the trailer fields that may be passed on (RFC 9110 6.5.1)."""
    return trailers.lines_without(FORBIDDEN_IN_TRAILERS | said_by_relays(trailers.names))
