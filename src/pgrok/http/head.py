"""Message heads (RFC 9112 2-3, 6): what was said before the body, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

from pgrok.http.fields import Fields, encode, tokens

MAX_HEAD_BYTES = 64 * 1024
"""Octets of a head, start line and empty line included; nginx takes 32 KiB, Go 1 MiB."""

MAX_HEAD_LINES = 128
"""Lines of a head; nginx has no such limit, Apache takes 100 fields."""


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


def _encode_framing(framing: Framing, length: int) -> bytes:
    if framing is Framing.LENGTH:
        return b"Content-Length: %d\r\n" % length
    return b"Transfer-Encoding: chunked\r\n" if framing is Framing.CHUNKED else b""


def keep_alive_timeout(response: ResponseHead) -> float | None:
    """Return the seconds that the sender promises to keep the idle connection, if it says so."""
    for token in tokens(response.fields, b"keep-alive"):
        name, _, value = token.partition(b"=")
        if name == b"timeout" and value.isdigit():
            return float(value)
    return None


def expects_continue(request: RequestHead) -> bool:
    """Whether the sender waits for a 100 before it sends the body (RFC 9110 10.1.1)."""
    return request.minor_version == 1 and b"100-continue" in tokens(request.fields, b"expect")
