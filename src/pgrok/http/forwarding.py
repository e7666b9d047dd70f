"""What changes in a head on its way through (RFC 9110 7.6): pure, the same at both ends.

Heads are never copied: what goes on is built from what is allowed to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pgrok.http.fields import ABOUT_VISITOR, Field, Fields, end_to_end, first, tokens, values
from pgrok.http.head import Framing, RequestHead, ResponseHead


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

    From a trusted proxy what it says is kept and X-Forwarded-For is appended to; for everybody
    else all of them are set here and what came is dropped.
    """
    came = request.fields if visitor.trusted else []
    address = visitor.address.encode()
    chain = [*filter(None, values(came, b"x-forwarded-for")), address]
    hops = [*filter(None, values(came, b"forwarded")), _forwarded(visitor, request)]
    host = first(came, b"x-forwarded-host") or request.host
    scheme = first(came, b"x-forwarded-proto") or visitor.scheme.encode()
    told: Fields = [
        (b"X-Forwarded-For", b", ".join(chain)),
        (b"X-Forwarded-Host", host),
        (b"X-Forwarded-Proto", scheme),
        (b"X-Real-IP", first(came, b"x-real-ip") or address),
        (b"Forwarded", b", ".join(hops)),
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


def _forwarded(visitor: Visitor, request: RequestHead) -> bytes:
    """Return one element of a Forwarded field (RFC 7239 4)."""
    address = f'"[{visitor.address}]"' if ":" in visitor.address else visitor.address
    host = request.host.decode("latin-1").replace('"', "")
    return f'for={address};host="{host}";proto={visitor.scheme}'.encode("latin-1")


def _reaches_beyond(cookie: bytes, host: bytes) -> bool:
    for attribute in cookie.split(b";")[1:]:
        name, _, value = attribute.partition(b"=")
        if name.strip().lower() == b"domain":
            domain = value.strip().strip(b".").lower()
            if domain and host.endswith(b"." + domain):
                return True
    return False
