"""From octets to heads, with one meaning or none.

The grammar is that of RFC 9112, without what it lets old software do: a head that two readers
could understand in two ways is answered with an error, never passed on. Three patterns read a
head: its start line, its field lines, and the few values that mean something here.
"""

from __future__ import annotations

import re

from pgrok.errors import RemoteProtocolError
from pgrok.http.fields import Fields
from pgrok.http.head import (
    MAX_HEAD_LINES,
    NO_CONTENT,
    NOT_MODIFIED,
    SWITCHING_PROTOCOLS,
    Framing,
    RequestHead,
    ResponseHead,
)
from pgrok.http.remembering import MAX_REMEMBERED_BYTES, remembering

_REQUEST_LINE = re.compile(rb"([A-Z-]+) ([\x21-\x7e]+) HTTP/1\.([01])\r\n")
_OTHER_VERSION = re.compile(rb".* HTTP/(?!1\.[01]$)[0-9]\.[0-9]")
# A reason is text (RFC 9112 4); a status beyond 599 is its sender's business.
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n")
_HOST = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")

_MEANINGFUL = frozenset(
    {b"connection", b"content-length", b"expect", b"transfer-encoding", b"upgrade"}
)
"""Fields of a request that mean something to a relay, besides Host, which every request has."""

MAX_HOST = 255
"""Octets of a Host, as of any name: they are remembered, 1,024 of them in two places."""

_MAX_LENGTH_DIGITS = 18
"""What a length may have so that it fits into 63 bits."""


def parse_request(
    head: bytes, _method: bytes = b"", max_lines: int = MAX_HEAD_LINES
) -> RequestHead:
    """Return the request that `head` says, which ends with its empty line.

    Nobody knows its method before. Raises `RemoteProtocolError` with the status to answer.
    """
    read = recall_request if len(head) <= MAX_REMEMBERED_BYTES else _read_request
    return read(head, b"", max_lines)


def _read_request(head: bytes, _method: bytes, max_lines: int) -> RequestHead:
    line = _REQUEST_LINE.match(head)
    if line is None:
        raise _refused_request_line(head)
    method, target, version = line.groups()
    fields = _parse_fields(head, line.end(), max_lines)
    _check_target(method, target)
    # HTTP/1.0 could ask for keep-alive too, and needs a length for every answer then.
    request = RequestHead(
        method, target, fields, _one_host(fields), int(version), keep_alive=version == b"1"
    )
    if not _MEANINGFUL.isdisjoint(fields.names):
        _interpret_request(request)
    request.measure(len(head))
    return request


def _interpret_request(request: RequestHead) -> None:
    fields = request.fields
    framing, request.length = _declared_framing(fields, request.minor_version)
    request.framing = framing or Framing.NONE
    request.options = fields.tokens(b"connection")
    if b"close" in request.options:
        request.keep_alive = False
    if b"expect" in fields.names:
        request.expects_continue = _meets_expectation(fields) and request.minor_version == 1
    if b"upgrade" in fields.names:
        request.websocket = _asks_for_websocket(request)


recall_request = remembering(_read_request)
"""As `parse_request`, of a small head."""


def parse_response(head: bytes, method: bytes, max_lines: int = MAX_HEAD_LINES) -> ResponseHead:
    """Return the response that `head` says, to a request with `method`.

    Raises `RemoteProtocolError`.
    """
    read = recall_response if len(head) <= MAX_REMEMBERED_BYTES else _read_response
    return read(head, method, max_lines)


def _read_response(head: bytes, method: bytes, max_lines: int) -> ResponseHead:
    line = _STATUS_LINE.match(head)
    if line is None:
        raise RemoteProtocolError("the answer does not begin with an HTTP/1 status line")
    version, status, reason = line.groups(b"")
    fields = _parse_fields(head, line.end(), max_lines)
    response = ResponseHead(int(status), reason, fields, int(version))
    _frame_response(response, method)
    if b"connection" in fields.names:
        response.options = fields.tokens(b"connection")
    if response.status == SWITCHING_PROTOCOLS and b"upgrade" not in response.options:
        raise RemoteProtocolError("a 101 that does not say to what")
    response.keep_alive = (
        response.framing is not Framing.UNTIL_CLOSE
        and b"close" not in response.options
        and (version == b"1" or b"keep-alive" in response.options)
    )
    if b"keep-alive" in fields.names:
        response.idle_seconds = _promised_seconds(fields)
    response.measure(len(head))
    return response


recall_response = remembering(_read_response)
"""As `parse_response`, of a small head."""


def _promised_seconds(fields: Fields) -> float | None:
    for token in fields.tokens(b"keep-alive"):
        name, _, value = token.partition(b"=")
        if name == b"timeout" and value.isdigit():
            return float(value)
    return None


def _parse_fields(head: bytes, after_start_line: int, max_lines: int) -> Fields:
    if head.count(b"\n") > max_lines + 1:
        raise RemoteProtocolError(f"more than {max_lines} lines of head", status=431)
    return Fields.parse(head, after_start_line - 1, len(head) - 2)


def _refused_request_line(head: bytes) -> RemoteProtocolError:
    if _OTHER_VERSION.fullmatch(head.partition(b"\r\n")[0]):
        return RemoteProtocolError("expected HTTP/1.1 or HTTP/1.0", status=505)
    return RemoteProtocolError("expected METHOD TARGET HTTP/1.1")


def _one_host(fields: Fields) -> bytes:
    """Return the Host; exactly one is wanted of HTTP/1.0 too, since it is what routes."""
    host = fields.only(b"host")
    if host is None:
        raise RemoteProtocolError("expected exactly one Host")
    if len(host) > MAX_HOST or not _HOST.fullmatch(host):
        raise RemoteProtocolError("the Host is malformed")
    return host


def _check_target(method: bytes, target: bytes) -> None:
    """Take origin-form, and `*` for OPTIONS.

    RFC 9112 3.2.2 wants absolute-form taken as well; a proxy that takes it has two hosts to
    choose between, so it is refused on purpose.
    """
    if method == b"CONNECT":
        # Nobody behind us may think that a tunnel was asked for, whatever the target looks like.
        raise RemoteProtocolError("CONNECT is for other proxies")
    if target.startswith(b"/") and b"#" not in target:
        return
    if not (target == b"*" and method == b"OPTIONS"):
        raise RemoteProtocolError("expected a target that begins with a slash")


def _frame_response(response: ResponseHead, method: bytes) -> None:
    framing, length = _declared_framing(response.fields, response.minor_version)
    status = response.status
    if status < 200 or status == NO_CONTENT:
        return
    # Without a body, it is the length that a GET would have brought (RFC 9110 8.6).
    response.length = length
    if status != NOT_MODIFIED and method != b"HEAD":
        response.framing = framing or Framing.UNTIL_CLOSE


def _declared_framing(fields: Fields, minor_version: int) -> tuple[Framing | None, int | None]:
    if b"transfer-encoding" in fields.names:
        _check_coding(fields.values(b"transfer-encoding"), minor_version)
        if b"content-length" in fields.names:
            raise RemoteProtocolError("both Transfer-Encoding and Content-Length")
        return Framing.CHUNKED, None
    if b"content-length" not in fields.names:
        return None, None
    length = fields.only(b"content-length")
    if length is None or not length.isdigit() or len(length) > _MAX_LENGTH_DIGITS:
        raise RemoteProtocolError("expected one decimal Content-Length")
    return Framing.LENGTH, int(length)


def _check_coding(codings: list[bytes], minor_version: int) -> None:
    if minor_version == 0:
        raise RemoteProtocolError("Transfer-Encoding in HTTP/1.0, which has none")
    members = [member.strip() for member in b",".join(codings).lower().split(b",")]
    if members[-1] != b"chunked" or b"chunked" in members[:-1]:
        raise RemoteProtocolError("expected a Transfer-Encoding that ends with chunked")
    if len(members) != 1:
        raise RemoteProtocolError("the only Transfer-Encoding taken is chunked", status=501)


def _meets_expectation(fields: Fields) -> bool:
    """Whether a 100 is waited for; there is no other expectation (RFC 9110 10.1.1)."""
    expected = fields.tokens(b"expect")
    if any(token != b"100-continue" for token in expected):
        raise RemoteProtocolError("the only expectation met is 100-continue", status=417)
    return bool(expected)


def _asks_for_websocket(request: RequestHead) -> bool:
    """Whether the connection is to become a WebSocket (RFC 6455 4.1).

    Any other upgrade is not offered to the target; with a body it is refused, because others
    would take that body for the upgraded protocol's bytes.
    """
    protocols = request.fields.tokens(b"upgrade")
    if not protocols or b"upgrade" not in request.options:
        return False
    if request.framing is Framing.CHUNKED or request.length:
        raise RemoteProtocolError("an Upgrade with a body")
    return (protocols, request.method, request.minor_version) == ([b"websocket"], b"GET", 1)
