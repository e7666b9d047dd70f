"""Message heads (RFC 9112 2-3, 6): what was said before the body, checked, with one meaning.

llhttp reads the grammar; what it lets through and RFC 9112 or prudence do not is refused here:
a head that two readers could understand in two ways is answered with an error, never passed on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus

import httptools

from pgrok.errors import RemoteProtocolError
from pgrok.http.fields import (
    Fields,
    encode,
    first,
    has_illegal_value,
    tokens,
    values,
    without,
)

MAX_HEAD_BYTES = 64 * 1024
"""Octets of a head, start line and empty line included; nginx takes 32 KiB, Go 1 MiB."""

MAX_HEAD_LINES = 128
"""Lines of a head; nginx has no such limit, Apache takes 100 fields."""

# llhttp also takes RTSP/1.0, ICE/1.0, HTTP/0.9 and two spaces.
_REQUEST_LINE = re.compile(rb"([A-Z-]+) ([\x21-\x7e]+) HTTP/1\.([01])\r\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([^\r\n\x00]*))?\r\n")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_HOST = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")


class Framing(Enum):
    """How the end of a body is found (RFC 9112 6.3)."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until close"


@dataclass(slots=True)
class RequestHead:
    """A request's head.

    `fields` holds neither Content-Length nor Transfer-Encoding: `framing` says what they said,
    and `length` how many octets the body has where it is LENGTH.
    """

    method: bytes
    target: bytes
    fields: Fields
    host: bytes
    minor_version: int = 1
    framing: Framing = Framing.NONE
    length: int = 0
    keep_alive: bool = True
    websocket: bool = False

    @property
    def safe_to_repeat(self) -> bool:
        """Whether the request may be sent a second time (RFC 9110 9.2.2), body and all."""
        return self.method in _REPEATABLE and self.framing is Framing.NONE and not self.websocket

    def encode(self) -> bytes:
        """Return the head as it goes over the wire, framing fields written from `framing`."""
        return b"%b %b HTTP/1.1\r\n%b%b\r\n" % (
            self.method,
            self.target,
            encode(self.fields),
            _encode_framing(self.framing, self.length),
        )


@dataclass(slots=True)
class ResponseHead:
    """A response's head.

    `fields` holds no framing fields, as in a request, but for the Content-Length of an answer
    that has no body and tells what another one would have had.
    """

    status: int
    reason: bytes
    fields: Fields
    minor_version: int = 1
    framing: Framing = Framing.NONE
    length: int = 0
    keep_alive: bool = True

    @property
    def interim(self) -> bool:
        """Whether another response to the same request follows (RFC 9110 15.2)."""
        return self.status < 200 and self.status != HTTPStatus.SWITCHING_PROTOCOLS

    def encode(self) -> bytes:
        """Return the head as it goes over the wire, framing fields written from `framing`."""
        return b"HTTP/1.1 %d %b\r\n%b%b\r\n" % (
            self.status,
            self.reason,
            encode(self.fields),
            _encode_framing(self.framing, self.length),
        )


_REPEATABLE = frozenset({b"GET", b"HEAD", b"OPTIONS"})
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


def _encode_framing(framing: Framing, length: int) -> bytes:
    if framing is Framing.LENGTH:
        return b"Content-Length: %d\r\n" % length
    return b"Transfer-Encoding: chunked\r\n" if framing is Framing.CHUNKED else b""


@dataclass(slots=True)
class _Collector:
    """The callbacks of httptools, for either kind of parser."""

    fields: Fields = field(default_factory=list)
    keep_alive: bool = False
    parser: httptools.HttpRequestParser | httptools.HttpResponseParser | None = None

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        # Only here does llhttp know; afterwards the answer can be wrong.
        self.keep_alive = self.parser is not None and self.parser.should_keep_alive()


def parse_request(head: bytes) -> RequestHead:
    """Return the request that `head` says, which ends with its empty line.

    Raises `RemoteProtocolError` with the status to answer.
    """
    line = _REQUEST_LINE.match(head)
    if line is None:
        raise _refused_request_line(head)
    collector = _collect(httptools.HttpRequestParser, head)
    request = RequestHead(
        method=line[1],
        target=line[2],
        fields=collector.fields,
        host=_one_host(collector.fields),
        minor_version=int(line[3]),
        keep_alive=collector.keep_alive and line[3] == b"1",
    )
    _check_target(request)
    _frame_request(request)
    _check_expectation(request)
    request.websocket = _asks_for_websocket(request)
    return request


def parse_response(head: bytes, *, method: bytes) -> ResponseHead:
    """Return the response that `head` says, to a request with `method`.

    Raises `RemoteProtocolError`.
    """
    line = _STATUS_LINE.match(head)
    if line is None:
        raise RemoteProtocolError("the answer does not begin with an HTTP/1 status line")
    collector = _collect(httptools.HttpResponseParser, head)
    response = ResponseHead(
        status=int(line[2]),
        reason=line[3] or b"",
        fields=collector.fields,
        minor_version=int(line[1]),
        keep_alive=_response_keeps_alive(line[1], collector.fields),
    )
    _frame_response(response, method)
    return response


def _collect(kind: type, head: bytes) -> _Collector:
    if head.count(b"\r\n") > MAX_HEAD_LINES + 1:
        raise RemoteProtocolError(f"more than {MAX_HEAD_LINES} lines of head", status=431)
    collector = _Collector()
    collector.parser = kind(collector)
    try:
        collector.parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # What an upgrade is, is decided here; see _asks_for_websocket.
    except httptools.HttpParserInvalidMethodError:
        raise RemoteProtocolError("the method is unknown", status=501) from None
    except httptools.HttpParserError as error:
        raise RemoteProtocolError(f"malformed head: {error}") from None
    if has_illegal_value(collector.fields):
        raise RemoteProtocolError("a field value holds a control character")
    return collector


def _refused_request_line(head: bytes) -> RemoteProtocolError:
    line = head.partition(b"\r\n")[0]
    version = line.rpartition(b" ")[2]
    if re.fullmatch(rb"HTTP/[0-9]\.[0-9]", version) and not version.startswith(b"HTTP/1."):
        return RemoteProtocolError("expected HTTP/1.1 or HTTP/1.0", status=505)
    return RemoteProtocolError("expected METHOD TARGET HTTP/1.1")


def _one_host(fields: Fields) -> bytes:
    """Return the Host; exactly one is wanted of HTTP/1.0 too, since it is what routes."""
    hosts = values(fields, b"host")
    if len(hosts) != 1:
        raise RemoteProtocolError("expected exactly one Host")
    if not _HOST.fullmatch(hosts[0]):
        raise RemoteProtocolError("the Host is malformed")
    return hosts[0]


def _check_target(request: RequestHead) -> None:
    """Take origin-form, and `*` for OPTIONS.

    RFC 9112 3.2.2 wants absolute-form taken as well; a proxy that takes it has two hosts to
    choose between, so it is refused on purpose.
    """
    if request.target.startswith(b"/") and b"#" not in request.target:
        return
    if not (request.target == b"*" and request.method == b"OPTIONS"):
        raise RemoteProtocolError("expected a target that begins with a slash")


def _frame_request(request: RequestHead) -> None:
    framing, length = _declared_framing(request.fields, request.minor_version)
    request.framing = framing or Framing.NONE
    request.length = length
    request.fields = without(request.fields, _FRAMING)


def _frame_response(response: ResponseHead, method: bytes) -> None:
    framing, length = _declared_framing(response.fields, response.minor_version)
    if response.status == 304 or (method == b"HEAD" and response.status >= 200):
        # A length here tells what a GET would have brought (RFC 9110 8.6) and frames nothing.
        response.fields = without(response.fields, {b"transfer-encoding"})
        return
    response.fields = without(response.fields, _FRAMING)
    if response.status < 200 or response.status == 204:
        return
    response.framing = framing or Framing.UNTIL_CLOSE
    response.length = length
    if response.framing is Framing.UNTIL_CLOSE:
        response.keep_alive = False


def _declared_framing(fields: Fields, minor_version: int) -> tuple[Framing | None, int]:
    codings = values(fields, b"transfer-encoding")
    lengths = values(fields, b"content-length")
    if codings:
        if lengths:
            raise RemoteProtocolError("both Transfer-Encoding and Content-Length")
        if [coding.lower() for coding in codings] != [b"chunked"] or minor_version == 0:
            raise RemoteProtocolError(
                "expected Transfer-Encoding: chunked over HTTP/1.1", status=501
            )
        return Framing.CHUNKED, 0
    if not lengths:
        return None, 0
    if len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]):
        raise RemoteProtocolError("expected one decimal Content-Length")
    return Framing.LENGTH, int(lengths[0])


def _check_expectation(request: RequestHead) -> None:
    if any(token != b"100-continue" for token in tokens(request.fields, b"expect")):
        raise RemoteProtocolError("the only expectation met is 100-continue", status=417)


def _asks_for_websocket(request: RequestHead) -> bool:
    """Whether the connection is to become a WebSocket (RFC 6455 4.1).

    Any other upgrade is not offered to the target; with a body it is refused, because llhttp
    and others would take that body for the upgraded protocol's bytes.
    """
    protocols = list(tokens(request.fields, b"upgrade"))
    if not protocols or b"upgrade" not in tokens(request.fields, b"connection"):
        return False
    if request.framing is not Framing.NONE:
        raise RemoteProtocolError("an Upgrade with a body")
    return (protocols, request.method, request.minor_version) == ([b"websocket"], b"GET", 1)


def _response_keeps_alive(minor_version: bytes, fields: Fields) -> bool:
    connection = set(tokens(fields, b"connection"))
    if b"close" in connection:
        return False
    return minor_version == b"1" or b"keep-alive" in connection


def keep_alive_timeout(response: ResponseHead) -> float | None:
    """Return the seconds that the sender promises to keep the idle connection, if it says so."""
    for token in tokens(response.fields, b"keep-alive"):
        name, _, value = token.partition(b"=")
        if name == b"timeout" and value.isdigit():
            return float(value)
    return None


def expects_continue(request: RequestHead) -> bool:
    """Whether the sender waits for a 100 before it sends the body (RFC 9110 10.1.1)."""
    return request.minor_version == 1 and first(request.fields, b"expect") is not None
