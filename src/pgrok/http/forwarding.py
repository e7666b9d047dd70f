"""What changes in a head on its way through (RFC 9110 7.6): pure, the same at both ends.

Heads are never copied: what goes on is built from what is allowed to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from pgrok.http.fields import ABOUT_VISITOR, Field, Fields, end_to_end, first, tokens, values
from pgrok.http.head import Framing, RequestHead, ResponseHead

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request, as far as this end can tell.

    `trusted` means that the peer is a reverse proxy whose word on these fields counts.
    """

    address: str
    scheme: str
    trusted: bool


def request_for_upstream(request: RequestHead) -> RequestHead:
    """Return the request as it may be passed on, on a connection of our own."""
    fields = end_to_end(request.fields)
    if request.websocket:
        fields += [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
    elif b"trailers" in tokens(request.fields, b"te"):
        # Ours to say: this relay passes trailers on (RFC 9110 10.1.4).
        fields += [(b"TE", b"trailers"), (b"Connection", b"TE")]
    return replace(request, fields=fields)


def response_for_downstream(
    response: ResponseHead, request: RequestHead, *, keep_alive: bool
) -> ResponseHead:
    """Return the response as it may be passed on to the sender of `request`.

    A body whose length is not known goes on in chunks, which show where it was cut; to
    HTTP/1.0, which has none, it goes on until the connection closes. `keep_alive` is whether
    this end wants to keep the connection; the result says whether it will be.
    """
    fields = end_to_end(response.fields)
    framing = response.framing
    if framing in (Framing.CHUNKED, Framing.UNTIL_CLOSE):
        framing = Framing.CHUNKED if request.minor_version else Framing.UNTIL_CLOSE
    if response.status == 101:
        fields += [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
        keep_alive = False
    elif not response.interim:
        keep_alive = keep_alive and request.keep_alive and framing is not Framing.UNTIL_CLOSE
        if not keep_alive:
            fields.append((b"Connection", b"close"))
    return replace(response, fields=fields, framing=framing, keep_alive=keep_alive)


def tell_visitor(request: RequestHead, visitor: Visitor) -> RequestHead:
    """Return the request with the fields that tell the application who asked for what.

    From a trusted proxy what it says is kept and the lists are appended to; a field that it
    leaves out says what its other ones do. For everybody else all of them are set here and
    what came is dropped.
    """
    came = request.fields if visitor.trusted else []
    peer = visitor.address.encode()
    seen = [*filter(None, values(came, b"x-forwarded-for"))]
    # Whom the nearest proxy saw is what it added itself, at the end.
    address = seen[-1].rpartition(b",")[2].strip() if seen else peer
    host = first(came, b"x-forwarded-host") or request.host
    scheme = first(came, b"x-forwarded-proto") or visitor.scheme.encode()
    hops = [*filter(None, values(came, b"forwarded"))]
    here = _forwarded(peer, request.host, visitor.scheme.encode())
    told: Fields = [
        (b"X-Forwarded-For", b", ".join([*seen, peer])),
        (b"X-Forwarded-Host", host),
        (b"X-Forwarded-Proto", scheme),
        (b"X-Real-IP", first(came, b"x-real-ip") or address),
        (b"Forwarded", b", ".join([*hops, here] if hops else [_forwarded(address, host, scheme)])),
    ]
    return replace(request, fields=[*filter(_not_about_visitor, request.fields), *told])


def without_foreign_cookies(response: ResponseHead, host: str) -> ResponseHead:
    """Return the response without cookies for a parent of `host`, which is in lower case.

    The tunnels of other people and the dashboard may live there (cookie tossing).
    """
    kept = [
        (name, value)
        for name, value in response.fields
        if name.lower() != b"set-cookie" or not _reaches_beyond(value, host.encode())
    ]
    return response if len(kept) == len(response.fields) else replace(response, fields=kept)


def _not_about_visitor(field: Field) -> bool:
    # Gateways of the CGI kind take X_Real_IP for X-Real-IP.
    return field[0].lower().replace(b"_", b"-") not in ABOUT_VISITOR


def _forwarded(address: bytes, host: bytes, scheme: bytes) -> bytes:
    """Return one element of a Forwarded field (RFC 7239 4)."""
    node = b"[%b]" % address if b":" in address else address
    return b"for=%b;host=%b;proto=%b" % (_value(node), _quoted(host), _value(scheme))


def _value(text: bytes) -> bytes:
    """Return a token as it is, and anything else as a quoted string (RFC 7239 4)."""
    return text if _TOKEN.fullmatch(text) else _quoted(text)


def _quoted(text: bytes) -> bytes:
    return b'"%b"' % text.replace(b"\\", b"").replace(b'"', b"")


def _reaches_beyond(cookie: bytes, host: bytes) -> bool:
    for attribute in cookie.split(b";")[1:]:
        name, _, value = attribute.partition(b"=")
        if name.strip().lower() == b"domain":
            domain = value.strip(b' \t"').strip(b".").lower()
            if domain and host.endswith(b"." + domain):
                return True
    return False
