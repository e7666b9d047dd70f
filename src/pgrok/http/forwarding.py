"""What changes in a head on its way through (RFC 9110 7.6): pure, the same at both ends.

Heads are never copied: what goes on is written from what is allowed to.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pgrok.http.fields import (
    ABOUT_VISITOR,
    FRAMING,
    HOP_BY_HOP,
    Fields,
    in_all_spellings,
    said_by_relays,
    unforwarded,
)
from pgrok.http.head import (
    SWITCHING_PROTOCOLS,
    Framing,
    RequestHead,
    ResponseHead,
    encode_head,
)

MAX_TOLD = 255
"""Octets of an address, host or scheme that a proxy tells: it is repeated in other fields, so that
what goes on would have no bound. No name is longer."""

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

# The length is written anew, from what was understood of it.
_WRITTEN_ANEW = HOP_BY_HOP | FRAMING
_TOLD_ANEW = _WRITTEN_ANEW | in_all_spellings(ABOUT_VISITOR)

_TO_WEBSOCKET = (b"Connection: Upgrade", b"Upgrade: websocket")


class Visitor(NamedTuple):
    """Who sent a request, as far as this end can tell.

    `trusted` means that the peer is a reverse proxy whose word on these fields counts.
    """

    address: str
    scheme: str
    trusted: bool


IsTrusted = Callable[[str], bool]
"""Tells whether an address is a trusted proxy's; raises `ValueError` of what is no address."""


@dataclass(frozen=True, slots=True)
class ForwardedResponse:
    """How a response goes on: its head as octets, how its body is framed there, and whether the
    connection is kept after it."""

    head: bytes
    framing: Framing
    keep_alive: bool


def _nobody(_address: str) -> bool:
    return False


def forward_request(
    request: RequestHead,
    target: bytes | None = None,
    visitor: Visitor | None = None,
    is_trusted: IsTrusted = _nobody,
) -> bytes:
    """Return the head of a request as it is passed on, on a connection of our own.

    `target` replaces the request's. With a `visitor` the application is told who that is,
    without one it is told what came. `is_trusted` finds the sender among the addresses that a
    trusted proxy tells of.
    """
    lines = request.fields.lines_without(_dropped(request, visitor))
    if visitor is not None:
        lines += _about(visitor, request, is_trusted)
    if request.websocket:
        lines += _TO_WEBSOCKET
    elif b"te" in request.fields.names and b"trailers" in request.fields.tokens(b"te"):
        # Ours to say: this relay passes trailers on (RFC 9110 10.1.4).
        lines += (b"TE: trailers", b"Connection: TE")
    start = b"%b %b HTTP/1.1" % (request.method, target or request.target)
    return encode_head(start, lines, request.framing, request.length)


def _dropped(request: RequestHead, visitor: Visitor | None) -> frozenset[bytes]:
    """Return the names of the fields that do not go on as they came."""
    if visitor is None:
        return unforwarded(request.options, _WRITTEN_ANEW)
    always = unforwarded(request.options, _TOLD_ANEW)
    said = said_by_relays(request.fields.names)
    if visitor.trusted:
        # No proxy writes an underscore there: it has passed on what a visitor wrote.
        said = frozenset(name for name in said if b"_" in name)
    return always | said if said else always


def forward_response(
    response: ResponseHead, minor_version: int, keep_alive: bool, host: str | None = None
) -> ForwardedResponse:
    """Return a response as it is passed on to who sent an HTTP/1 request of that minor version.

    A body whose length is not known goes on in chunks, which show where it was cut; to
    HTTP/1.0, which has none, it goes on until the connection closes. `keep_alive` is whether
    both of its ends want to keep the connection. With a `host`, which is in lower case, cookies
    for domains outside of it are left out: the tunnels of other people and the dashboard may live
    there (cookie tossing).
    """
    lines = response.fields.lines_without(unforwarded(response.options, _WRITTEN_ANEW))
    if host is not None and b"set-cookie" in response.fields.names:
        lines = _without_foreign_cookies(lines, host.encode())
    framing = _framing_for(response, minor_version)
    if response.status == SWITCHING_PROTOCOLS:
        lines += _TO_WEBSOCKET
        keep_alive = False
    elif not response.interim:
        keep_alive = keep_alive and framing is not Framing.UNTIL_CLOSE
        if not keep_alive:
            lines.append(b"Connection: close")
    start = b"HTTP/1.1 %d %b" % (response.status, response.reason)
    head = encode_head(start, lines, framing, response.length)
    return ForwardedResponse(head, framing, keep_alive)


def _framing_for(response: ResponseHead, minor_version: int) -> Framing:
    if response.framing in (Framing.CHUNKED, Framing.UNTIL_CLOSE):
        return Framing.CHUNKED if minor_version else Framing.UNTIL_CLOSE
    return response.framing


def _about(visitor: Visitor, request: RequestHead, is_trusted: IsTrusted) -> tuple[bytes, ...]:
    """Return the fields that tell the application who asked for what."""
    if visitor.trusted and not ABOUT_VISITOR.isdisjoint(request.fields.names):
        return _complete(visitor, request.host, request.fields, is_trusted)
    return _tell(visitor, request.host)


@lru_cache(maxsize=1024)
def _tell(visitor: Visitor, host: bytes) -> tuple[bytes, ...]:
    """Return what is told of a visitor as seen here: the same for each of its requests."""
    return _complete(visitor, host, Fields((), ()), _nobody)


def _complete(
    visitor: Visitor, asked_host: bytes, came: Fields, is_trusted: IsTrusted
) -> tuple[bytes, ...]:
    """Return what a trusted proxy says, with the lists appended to; a field that it leaves out
    says what its other ones do.

    Many a proxy sets X-Forwarded-For and passes on what visitors write in X-Real-IP and Forwarded,
    so these count only where there is no such list.
    """
    peer = visitor.address.encode()
    seen = [*filter(None, came.values(b"x-forwarded-for"))]
    sender = sender_of(b",".join(seen), is_trusted)
    if sender is None:
        seen = []
        hops = [*filter(None, came.values(b"forwarded"))]
        address = _told(came, b"x-real-ip") or peer
    else:
        hops = []
        address = sender
    host = _told(came, b"x-forwarded-host") or asked_host
    scheme = _told(came, b"x-forwarded-proto") or visitor.scheme.encode()
    here = _forwarded(peer, asked_host, visitor.scheme.encode())
    return (
        b"X-Forwarded-For: " + b", ".join([*seen, peer]),
        b"X-Forwarded-Host: " + host,
        b"X-Forwarded-Proto: " + scheme,
        b"X-Real-IP: " + address,
        b"Forwarded: " + b", ".join([*hops, here] if hops else [_forwarded(address, host, scheme)]),
    )


def _told(came: Fields, name: bytes) -> bytes | None:
    """Return what a proxy says in a field, unless that is nothing, or too long to be meant."""
    value = came.first(name)
    return value if value and len(value) <= MAX_TOLD else None


def sender_of(seen: bytes, is_trusted: IsTrusted) -> bytes | None:
    """Return the last of the addresses, between commas, that is no trusted proxy's.

    It is the first if all are, None of none, and may be no address. Each proxy adds whom it saw at
    the end, so what stands before that one is anybody's word, as is all before what is too long.
    """
    first = None
    for element in reversed(seen.split(b",")):
        address = element.strip()
        if len(address) > MAX_TOLD:
            break
        if address:
            first = address
            if not _is_proxy(address, is_trusted):
                break
    return first


def _is_proxy(address: bytes, is_trusted: IsTrusted) -> bool:
    try:
        return is_trusted(address.decode("latin-1"))
    except ValueError:
        return False


def _forwarded(address: bytes, host: bytes, scheme: bytes) -> bytes:
    """Return one element of a Forwarded field (RFC 7239 4)."""
    node = b"[%b]" % address if b":" in address else address
    return b"for=%b;host=%b;proto=%b" % (_value(node), _quoted(host), _value(scheme))


def _value(text: bytes) -> bytes:
    """Return a token as it is, and anything else as a quoted string (RFC 7239 4)."""
    return text if _TOKEN.fullmatch(text) else _quoted(text)


def _quoted(text: bytes) -> bytes:
    return b'"%b"' % text.replace(b"\\", b"").replace(b'"', b"")


def _without_foreign_cookies(lines: list[bytes], host: bytes) -> list[bytes]:
    return [line for line in lines if not _sets_foreign_cookie(line, host)]


def _sets_foreign_cookie(line: bytes, host: bytes) -> bool:
    """Whether a field line sets a cookie for a domain that is neither `host` nor below it."""
    name, _, cookie = line.partition(b":")
    if name.lower() != b"set-cookie":
        return False
    for attribute in cookie.split(b";")[1:]:
        key, _, value = attribute.partition(b"=")
        if key.strip().lower() == b"domain":
            domain = value.strip(b' \t"').strip(b".").lower()
            # Not only those above it: some browsers may read `ex%61mple.com` as one of them.
            if domain and domain != host and not domain.endswith(b"." + host):
                return True
    return False
