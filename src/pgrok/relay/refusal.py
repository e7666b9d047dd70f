"""An answer that this relay gives itself, because no application can."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from pgrok.http.head import Framing, RequestHead, encode_head
from pgrok.http.pages import Problem, render, wants_html

_REASONS = {
    400: b"Bad Request",
    408: b"Request Timeout",
    413: b"Content Too Large",
    417: b"Expectation Failed",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    505: b"HTTP Version Not Supported",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What to send, and whether the connection can be kept after it."""

    output: bytes
    keep_alive: bool


def refuse_request(
    problem: Problem, request: RequestHead, *, body_read: bool, keep_alive: bool
) -> Refusal:
    """Return the answer to a request that cannot be passed on.

    The connection is kept if this end wants to, with `keep_alive`, the sender does too, and
    nothing of the request is left to read.
    """
    no_body = request.framing is not Framing.CHUNKED and not request.length
    keep_alive = keep_alive and request.keep_alive and (body_read or no_body)
    output = _encode(
        problem,
        host=request.host.decode("latin-1"),
        html=wants_html(request.fields.first(b"accept")),
        keep_alive=keep_alive,
        with_body=request.method != b"HEAD",
    )
    return Refusal(output, keep_alive)


def refuse_bytes(problem: Problem) -> bytes:
    """Return the answer to something that is no request; the connection has to close after it."""
    return _encode(problem, host="", html=False, keep_alive=False, with_body=True)


def _encode(problem: Problem, *, host: str, html: bool, keep_alive: bool, with_body: bool) -> bytes:
    request_id = secrets.token_hex(8)
    fields, body = render(problem, host=host, request_id=request_id, html=html)
    lines = [b"%b: %b" % field for field in fields]
    if not keep_alive:
        lines.append(b"Connection: close")
    start = b"HTTP/1.1 %d %b" % (problem.status, _REASONS.get(problem.status, b"Error"))
    head = encode_head(start, lines, Framing.LENGTH, len(body))
    return head + body if with_body else head
