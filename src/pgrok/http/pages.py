"""What a visitor sees when a tunnel cannot answer: a page for browsers, else a few lines."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from importlib import resources
from string import Template
from typing import Final

RELOAD_SECONDS: Final = 3
"""How often the page of an application that is down looks whether it answers now."""

MAX_SHOWN: Final = 253
"""Characters of a host (RFC 1035 2.3.4 allows no more) or a detail that a page shows."""


class Code(StrEnum):
    """What kept the answer away; sent as `X-Pgrok-Error`."""

    NO_TUNNEL = "no-tunnel"
    TARGET_DOWN = "target-down"
    TUNNEL_LOST = "tunnel-lost"
    TARGET_SLOW = "target-slow"
    PARKING_FULL = "parking-full"
    OVERLOADED = "overloaded"
    TOO_MANY_REQUESTS = "too-many-requests"
    DRAINING = "draining"
    BAD_REQUEST = "bad-request"
    BAD_RESPONSE = "bad-response"


@dataclass(frozen=True, slots=True)
class Problem:
    """One failed request.

    `status` is the response's, `detail` one plain sentence that this failure adds to what its
    code says (never an exception's text), `retry_after` whole seconds for `Retry-After`
    (RFC 9110 10.2.3).
    """

    code: Code
    status: int
    detail: str = ""
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class _Words:
    state: str
    headline: str
    owner: str
    visitor: str


_WORDS: Final[Mapping[Code, _Words]] = {
    Code.NO_TUNNEL: _Words(
        "failed",
        "No tunnel is open at this address.",
        "Start it with pgrok, then try again.",
        "Ask whoever gave it to you to start their tunnel.",
    ),
    Code.TARGET_DOWN: _Words(
        "waiting",
        "The tunnel is open, but its application does not answer.",
        "Start your application, then try again.",
        "Tell whoever gave it to you that their application is not running.",
    ),
    Code.TUNNEL_LOST: _Words(
        "failed",
        "The tunnel was lost before its application answered.",
        "Your pgrok client connects again by itself; see whether it runs.",
        "What you sent may have arrived or not. Try again in a moment.",
    ),
    Code.TARGET_SLOW: _Words(
        "failed",
        "The tunnel is open, but its application took too long to answer.",
        "See what your application is busy with, then try again.",
        "Try again in a moment; if that does not help, tell whoever gave it to you.",
    ),
    Code.PARKING_FULL: _Words(
        "waiting",
        "Too many requests are waiting for this tunnel to come back.",
        "See why your pgrok client is not connected, and start it again.",
        "Try again in a moment.",
    ),
    Code.OVERLOADED: _Words(
        "waiting",
        "Too many connections are open.",
        "Close the ones you don't need, or ask the server's admin to raise the limit.",
        "Try again in a moment.",
    ),
    Code.TOO_MANY_REQUESTS: _Words(
        "waiting",
        "Too many requests come from your address.",
        "Your application never saw this one.",
        "Wait for the answers to the others, then try again.",
    ),
    Code.DRAINING: _Words(
        "waiting",
        "The tunnel server is restarting.",
        "Your pgrok client connects again by itself.",
        "Try again in a moment.",
    ),
    Code.BAD_REQUEST: _Words(
        "failed",
        "This request cannot be passed on.",
        "Your application never saw it; the fault is in what was sent.",
        "Check the program that sent it.",
    ),
    Code.BAD_RESPONSE: _Words(
        "failed",
        "The tunnel is open, but what its application answered is not valid HTTP.",
        "See what your application sends; its answer was not passed on.",
        "Tell whoever gave it to you that their application does not answer as it should.",
    ),
}
_STATE_WORDS: Final = {"waiting": "Waiting", "failed": "Failed"}


def _resource(name: str) -> str:
    return resources.files("pgrok.http").joinpath(name).read_text(encoding="utf-8")


LOOK: Final = _resource("static/look.css")
"""The stylesheet that every page of the house begins with."""

_PAGE: Final = Template(_resource("page.html"))
_RELOAD: Final = f'<meta http-equiv="refresh" content="{RELOAD_SECONDS}">\n'
_RELOADING: Final = "Start your application; this page reloads when it answers."
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(LOOK.encode()).digest()).decode()

_FIELDS: Final = (
    (b"Cache-Control", b"no-store"),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"X-Robots-Tag", b"noindex"),
)
_PAGE_FIELDS: Final = (
    (b"Content-Type", b"text/html; charset=utf-8"),
    (
        b"Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'".encode(),
    ),
)
_TEXT_FIELDS: Final = ((b"Content-Type", b"text/plain; charset=utf-8"),)


def render(
    problem: Problem, *, host: str, request_id: str, html: bool
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the header fields, without framing, and the body that tell of `problem`.

    `host` is the Host header as sent; `request_id` is one of ours, plain ASCII. With `html` the
    body is a page of less than 8 KB, else plain text.
    """
    fields = [
        (b"X-Pgrok-Error", problem.code.encode()),
        (b"X-Pgrok-Request-Id", request_id.encode()),
        *_FIELDS,
        *(_PAGE_FIELDS if html else _TEXT_FIELDS),
    ]
    if problem.retry_after is not None:
        fields.append((b"Retry-After", b"%d" % problem.retry_after))
    body = _page(problem, host, request_id) if html else _text(problem, host, request_id)
    # A host header may hold bytes that are no UTF-8; they were decoded to surrogates at most.
    return fields, body.encode(errors="replace")


def wants_html(accept: bytes | None) -> bool:
    """Whether an Accept header (RFC 9110 12.5.1) names HTML; `*/*`, which curl sends, does not."""
    for media_range in (accept or b"").lower().split(b","):
        media_type, *parameters = (part.strip() for part in media_range.split(b";"))
        if media_type in (b"text/html", b"application/xhtml+xml"):
            return not any(_is_zero_weight(parameter) for parameter in parameters)
    return False


def _is_zero_weight(parameter: bytes) -> bool:
    name, _, value = parameter.replace(b" ", b"").partition(b"=")
    return name == b"q" and value.startswith(b"0") and not value.strip(b"0.")


def _page(problem: Problem, host: str, request_id: str) -> str:
    words = _WORDS[problem.code]
    reloads = problem.code is Code.TARGET_DOWN
    return _PAGE.substitute(
        reload=_RELOAD if reloads else "",
        style=LOOK,
        state=words.state,
        word=_STATE_WORDS[words.state],
        headline=words.headline,
        host=escape(host[:MAX_SHOWN]) or "This address",
        detail=escape(problem.detail[:MAX_SHOWN]),
        owner=escape(_RELOADING if reloads else words.owner),
        visitor=escape(words.visitor),
        code=problem.code,
        request_id=escape(request_id),
    )


def _text(problem: Problem, host: str, request_id: str) -> str:
    if problem.code is Code.NO_TUNNEL:
        # To the letter what the original answers: scripts look for it.
        return f"No reverse proxy is available for the host: {host}"
    words = _WORDS[problem.code]
    what = f"{words.headline} {problem.detail}".rstrip()
    return f"{what}\n{words.owner}\n\ncode: {problem.code}\nrequest: {request_id}\n"
