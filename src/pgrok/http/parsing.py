"""From octets to heads, with one meaning or none.

llhttp reads the grammar; what it lets through and RFC 9112 or prudence do not is refused here:
a head that two readers could understand in two ways is answered with an error, never passed on.
"""

from __future__ import annotations

import re
from http import HTTPStatus

import httptools

from pgrok.errors import RemoteProtocolError
from pgrok.http.fields import Fields, has_illegal_value, tokens, values, without
from pgrok.http.head import MAX_HEAD_LINES, Framing, RequestHead, ResponseHead

# llhttp also takes RTSP/1.0, ICE/1.0, HTTP/0.9 and two spaces.
_REQUEST_LINE = re.compile(rb"([A-Z-]+) ([\x21-\x7e]+) HTTP/1\.([01])\r\n")
_OTHER_VERSION = re.compile(rb".* HTTP/(?!1\.[01]$)[0-9]\.[0-9]")
# A reason is text (RFC 9112 4); a status beyond 599 is its sender's business.
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_HOST = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


def parse_request(head: bytes) -> RequestHead:
    """Return the request that `head` says, which ends with its empty line.

    Raises `RemoteProtocolError` with the status to answer.
    """
    line = _REQUEST_LINE.match(head)
    if line is None:
        raise _refused_request_line(head)
    fields = _collect(httptools.HttpRequestParser, head)
    request = RequestHead(
        method=line[1],
        target=line[2],
        fields=fields,
        host=_one_host(fields),
        minor_version=int(line[3]),
        # HTTP/1.0 could ask for it too, and needs a length for every answer then.
        keep_alive=line[3] == b"1" and b"close" not in tokens(fields, b"connection"),
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
    fields = _collect(httptools.HttpResponseParser, head)
    response = ResponseHead(
        status=int(line[2]),
        reason=line[3] or b"",
        fields=fields,
        minor_version=int(line[1]),
        keep_alive=_response_keeps_alive(line[1], fields),
    )
    _frame_response(response, method)
    return response


class _Collector:
    """The callback of httptools, for either kind of parser."""

    def __init__(self) -> None:
        self.fields: Fields = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value.strip(b" \t")))


def _collect(kind: type, head: bytes) -> Fields:
    if head.count(b"\r\n") > MAX_HEAD_LINES + 1:
        raise RemoteProtocolError(f"more than {MAX_HEAD_LINES} lines of head", status=431)
    collector = _Collector()
    try:
        kind(collector).feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # What an upgrade is, is decided here; see _asks_for_websocket.
    except httptools.HttpParserInvalidMethodError:
        raise RemoteProtocolError("the method is unknown", status=501) from None
    except httptools.HttpParserError as error:
        raise RemoteProtocolError(f"malformed head: {error}") from None
    if has_illegal_value(collector.fields):
        raise RemoteProtocolError("a field value holds a control character")
    return collector.fields


def _refused_request_line(head: bytes) -> RemoteProtocolError:
    if _OTHER_VERSION.fullmatch(head.partition(b"\r\n")[0]):
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
    if request.method == b"CONNECT":
        # llhttp takes a path there; nobody behind us may think that a tunnel was asked for.
        raise RemoteProtocolError("CONNECT is for other proxies")
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
    if response.status == HTTPStatus.NOT_MODIFIED or (method == b"HEAD" and response.status >= 200):
        # A length here tells what a GET would have brought (RFC 9110 8.6) and frames nothing.
        response.fields = without(response.fields, {b"transfer-encoding"})
        return
    response.fields = without(response.fields, _FRAMING)
    if response.status < 200 or response.status == HTTPStatus.NO_CONTENT:
        return
    response.framing = framing or Framing.UNTIL_CLOSE
    response.length = length
    if response.framing is Framing.UNTIL_CLOSE:
        response.keep_alive = False


def _declared_framing(fields: Fields, minor_version: int) -> tuple[Framing | None, int]:
    codings = values(fields, b"transfer-encoding")
    lengths = values(fields, b"content-length")
    if codings:
        _check_coding(codings, minor_version)
        if lengths:
            raise RemoteProtocolError("both Transfer-Encoding and Content-Length")
        return Framing.CHUNKED, 0
    if not lengths:
        return None, 0
    if len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]):
        raise RemoteProtocolError("expected one decimal Content-Length")
    return Framing.LENGTH, int(lengths[0])


def _check_coding(codings: list[bytes], minor_version: int) -> None:
    if minor_version == 0:
        raise RemoteProtocolError("Transfer-Encoding in HTTP/1.0, which has none")
    if [coding.lower() for coding in codings] != [b"chunked"]:
        raise RemoteProtocolError("the only Transfer-Encoding taken is chunked", status=501)


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
    if request.framing is Framing.CHUNKED or request.length:
        raise RemoteProtocolError("an Upgrade with a body")
    return (protocols, request.method, request.minor_version) == ([b"websocket"], b"GET", 1)


def _response_keeps_alive(minor_version: bytes, fields: Fields) -> bool:
    connection = set(tokens(fields, b"connection"))
    if b"close" in connection:
        return False
    return minor_version == b"1" or b"keep-alive" in connection
