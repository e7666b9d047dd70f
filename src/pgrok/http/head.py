"""Message heads (RFC 9112 2-3, 6): what was said before the body."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, NamedTuple

from pgrok.http.fields import Fields
from pgrok.http.remembering import MAX_REMEMBERED_BYTES

MAX_HEAD_BYTES = 64 * 1024
"""Octets of a head, start line and empty line included; nginx takes 32 KiB, Go 1 MiB."""

MAX_WHOLE_BYTES = 16 * 1024
"""Octets of a response that is dealt with in one piece; of a longer one the body is not copied."""

MAX_HEAD_LINES = 128
"""Lines of a head; nginx has no such limit, Apache takes 100 fields."""

MAX_ADDED_BYTES = 2 * 1024
"""Octets that a head from our own other end may have more: that one took it, and has told in it of
the visitor, with names and addresses of up to 255 octets."""

MAX_ADDED_LINES = 8
"""Lines that it may have more: five tell of the visitor, two of the connection."""


class HeadLimits(NamedTuple):
    """How large a head may be, as it depends on where it comes from."""

    octets: int
    lines: int


FROM_ANYBODY = HeadLimits(MAX_HEAD_BYTES, MAX_HEAD_LINES)
"""What a visitor sends, or a target."""

FROM_OTHER_END = HeadLimits(MAX_HEAD_BYTES + MAX_ADDED_BYTES, MAX_HEAD_LINES + MAX_ADDED_LINES)
"""What comes through a channel: whatever one end has taken, the other one has to take as well."""

CONTINUE, SWITCHING_PROTOCOLS, NO_CONTENT, NOT_MODIFIED = 100, 101, 204, 304
"""Statuses that mean something to a relay (RFC 9110 15)."""


class Framing(Enum):
    """How the end of a body is found (RFC 9112 6.3)."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until close"


@dataclass(slots=True, eq=False)
class RequestHead:
    """A request's head, as it came; never changed once it is parsed.

    `fields` are all that were sent. What some of them mean stands beside them: `framing` and
    `length` (octets, None where no Content-Length says), `options` of the connection in lower
    case, and whether the sender waits for a 100 before it sends the body (RFC 9110 10.1.1).
    """

    method: bytes
    target: bytes
    fields: Fields
    host: bytes
    minor_version: int = 1
    framing: Framing = Framing.NONE
    length: int | None = None
    options: list[bytes] | tuple[()] = ()
    keep_alive: bool = True
    expects_continue: bool = False
    websocket: bool = False
    octets: int = 0
    small: bool = False
    """Whether what follows from it is remembered."""
    whole: int = 0
    """Octets of the whole message, if it is over with its head; else 0."""
    safe_to_repeat: bool = False
    """Whether the request may be sent a second time (RFC 9110 9.2.2), body and all."""
    interim: ClassVar[bool] = False

    def measure(self, octets: int) -> None:
        """Take the size of the head, when all that it says is known."""
        self.octets = octets
        self.small = octets <= MAX_REMEMBERED_BYTES
        if self.framing is Framing.NONE:
            self.whole = octets
            self.safe_to_repeat = self.method in _REPEATABLE and not self.websocket


@dataclass(slots=True, eq=False)
class ResponseHead:
    """A response's head, as it came; never changed once it is parsed.

    As in a request; `length` without framing is that of the body that another request would
    have been sent (RFC 9110 8.6).
    """

    status: int
    reason: bytes
    fields: Fields
    minor_version: int = 1
    framing: Framing = Framing.NONE
    length: int | None = None
    options: list[bytes] | tuple[()] = ()
    keep_alive: bool = True
    idle_seconds: float | None = None
    """How long the sender promises to keep the idle connection, if it says so."""
    octets: int = 0
    small: bool = False
    """Whether what follows from it is remembered."""
    whole: int = 0
    """Octets of the whole message, if its head tells, and they are few; 0 of an interim one."""

    def measure(self, octets: int) -> None:
        """Take the size of the head, when all that it says is known."""
        self.octets = octets
        self.small = octets <= MAX_REMEMBERED_BYTES
        if self.status < 200:
            return
        if self.framing is Framing.NONE:
            self.whole = octets
        elif self.framing is Framing.LENGTH:
            whole = octets + (self.length or 0)
            self.whole = whole if whole <= MAX_WHOLE_BYTES else 0

    @property
    def interim(self) -> bool:
        """Whether another response to the same request follows (RFC 9110 15.2)."""
        return self.status < 200 and self.status != SWITCHING_PROTOCOLS


_REPEATABLE = frozenset({b"GET", b"HEAD", b"OPTIONS"})


def encode_head(start: bytes, lines: list[bytes], framing: Framing, length: int | None) -> bytes:
    """Return a head as it goes over the wire: start line, field lines, what says the framing.

    `length` is written where there is one, with or without a body of that length.
    """
    if framing is Framing.CHUNKED:
        lines.append(b"Transfer-Encoding: chunked")
    elif length is not None:
        lines.append(b"Content-Length: %d" % length)
    return b"\r\n".join([start, *lines, b"", b""])
