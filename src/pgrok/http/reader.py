"""One direction of an HTTP/1.1 connection, cut into messages: whose bytes are whose.

In the manner of h11: `receive` takes bytes, `next_event` gives what they mean, and nothing here
touches a socket. A message is its head and, if the head says so, a body. A reader never runs
ahead: after the end of a message it gives no event until it is told to go on, so that pipelined
requests wait their turn in its buffer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pgrok.errors import LocalProtocolError, RemoteProtocolError
from pgrok.http.body import BodyReader, LengthReader, Pieces, body_reader
from pgrok.http.fields import Fields
from pgrok.http.head import FROM_ANYBODY, HeadLimits, RequestHead, ResponseHead
from pgrok.http.parsing import (
    parse_request,
    parse_response,
    recall_request,
    recall_response,
)
from pgrok.http.remembering import MAX_REMEMBERED_BYTES

_HEAD_END = b"\r\n\r\n"
_HEAD_END_OCTETS = len(_HEAD_END)

# A head with bare line feeds would else be waited for until the deadline.
_BARE_EMPTY_LINE = re.compile(rb"\n\r?\n")

# A client with the wrong port would wait for SSH as long as its head is waited for.
_SSH = b"SSH-2.0-"

HeadT = TypeVar("HeadT", RequestHead, ResponseHead)


Parse = Callable[[bytes, bytes, int], HeadT]


@dataclass(slots=True)
class Body:
    """Some of a message's body, as views of what arrived.

    `trailers` is None while more is to come; with any, the message is over.
    """

    pieces: Pieces
    trailers: Fields | None = None


class MessageReader(Generic[HeadT]):
    """A buffer, a head to wait for, a body to follow. Call `expect` before each message.

    One class for both directions, which differ in how a head is parsed: the interpreter is a
    tenth faster where the code of an exchange meets one type only.
    """

    __slots__ = (
        *("_body", "_buffer", "_empty_lines", "_eof", "_max_lines", "_max_octets", "_method"),
        *("_parse", "_recall", "_searched", "_start", "awaits_message", "clean"),
    )

    def __init__(
        self,
        parse: Parse[HeadT],
        recall: Parse[HeadT],
        limits: HeadLimits,
        *,
        empty_lines: bool,
    ) -> None:
        """`parse` is given a head, the method and how many lines there may be, `recall` too if the
        head is small; `empty_lines` may come before a message."""
        self._parse: Parse[HeadT] = parse
        self._recall: Parse[HeadT] = recall
        self._max_octets, self._max_lines = limits
        self._empty_lines = empty_lines
        self._method = b""
        # A view only while a body is read, of which nothing but its length is of interest.
        self._buffer: Any = b""
        self._start = 0
        self._searched = 0
        self._body: BodyReader | None = None
        self._eof = False
        self.awaits_message = False
        """Whether a message has been asked for that is not over."""
        self.clean = True
        """Whether nothing has come of the message that is under way, or of the next one."""

    @property
    def buffered(self) -> int:
        """Octets that arrived and have no event yet."""
        return len(self._buffer) - self._start

    def expect(self, method: bytes = b"") -> bool:
        """Go on to the next message: a request, or the response to a request with `method`.

        Returns whether some of it has come already. Raises `LocalProtocolError` while one is under
        way.
        """
        if self.awaits_message:
            raise LocalProtocolError("the message before this one is not over")
        self._method = method
        self.awaits_message = True
        return not self.clean

    def whole(self, data: bytes | memoryview) -> HeadT | None:
        """Return the head of the next message if `data` is all of it, as it mostly is.

        The message is over then; its body is what follows the `octets` of the head. None where
        the data has to be received, because there is more to say about it.
        """
        if not (self.clean and self.awaits_message) or type(data) is not bytes:
            return None
        end = data.find(_HEAD_END) + _HEAD_END_OCTETS
        if end < _HEAD_END_OCTETS or end > MAX_REMEMBERED_BYTES:
            return None
        recall = self._recall
        try:
            head = recall(data[:end], self._method, self._max_lines)
        except RemoteProtocolError:
            return None
        if head.whole != len(data):
            return None
        self.awaits_message = False
        return head

    def receive(self, data: bytes | memoryview) -> None:
        """Take what arrived on the connection."""
        self.clean = False
        if self._start < len(self._buffer):
            self._buffer = bytes(self._buffer[self._start :]) + data
            self._searched -= self._start
        else:
            self._buffer = data if self._body else bytes(data)
            self._searched = 0
        self._start = 0

    def next_event(self) -> HeadT | Body | None:
        """Return what the bytes so far mean, or None where more are needed.

        Raises `RemoteProtocolError`, also where no more will come and a message is cut short;
        the reader is of no use after that.
        """
        if not self.awaits_message:
            return None
        return self._next_head() if self._body is None else self._next_body(self._body)

    def receive_eof(self) -> None:
        """Take the end of the connection, which may be the end of a message."""
        self._eof = True

    @property
    def body_left(self) -> int:
        """Octets that are to come of a body of known length which is under way, else 0."""
        body = self._body
        return body.left if isinstance(body, LengthReader) and not self.buffered else 0

    def pass_by(self, octets: int) -> None:
        """Take so many of those for read: they have gone on without coming here."""
        assert isinstance(self._body, LengthReader)
        self._body.count(octets)

    def take_rest(self) -> bytes:
        """Return what arrived after the last message, and forget it: it is another protocol's."""
        rest = bytes(self._buffer[self._start :])
        self._let_go()
        self.clean = True
        return rest

    def _next_head(self) -> HeadT | None:
        buffer, begin = self._buffer, self._start
        if self._empty_lines and buffer.startswith(b"\r\n", begin):
            self._start = begin = self._after_empty_lines(begin)
        end = buffer.find(_HEAD_END, max(begin, self._searched - 3)) + _HEAD_END_OCTETS
        if end < _HEAD_END_OCTETS:
            self._check_partial_head()
            return None
        if end - begin > self._max_octets:
            raise self._head_too_large()
        self._start = self._searched = end
        head = self._parse(buffer[begin:end], self._method, self._max_lines)
        self._body = body_reader(head.framing, head.length)
        if self._body is None:
            self.awaits_message = head.interim
            self._settle()
        return head

    def _after_empty_lines(self, begin: int) -> int:
        # RFC 9112 2.2: some clients send a line end after a body.
        while self._buffer.startswith(b"\r\n", begin):
            begin += 2
        return begin

    def _check_partial_head(self) -> None:
        if self.buffered > self._max_octets:
            raise self._head_too_large()
        if _BARE_EMPTY_LINE.search(self._buffer, max(self._start, self._searched - 2)):
            raise RemoteProtocolError("a line ends without CR")
        if self._empty_lines and self._buffer.startswith(_SSH, self._start):
            raise RemoteProtocolError("this port is for HTTP, SSH has another")
        self._searched = len(self._buffer)
        if self._eof and self.buffered:
            raise RemoteProtocolError("the connection ended within a head")

    def _head_too_large(self) -> RemoteProtocolError:
        return RemoteProtocolError(f"a head of more than {self._max_octets} octets", status=431)

    def _next_body(self, body: BodyReader) -> Body | None:
        pieces: Pieces = []
        if self._start < len(self._buffer):
            self._start += body.receive(memoryview(self._buffer)[self._start :], pieces)
            if self._start == len(self._buffer):
                # Whoever has the pieces lets go of them soon, and the next ones take their place.
                self._let_go()
        if self._eof and not (pieces or body.done):
            body.receive_eof()
        if body.done:
            self.awaits_message, self._body = False, None
            self._settle()
            return Body(pieces, body.trailers)
        return Body(pieces) if pieces else None

    def _settle(self) -> None:
        """A message is over, or an interim response: what follows is another's."""
        if self._start == len(self._buffer):
            # An idle connection would hold on to the last read, which may be large.
            self._let_go()
            self.clean = True
        else:
            self._buffer = bytes(self._buffer)

    def _let_go(self) -> None:
        self._buffer, self._start, self._searched = b"", 0, 0


def request_reader(limits: HeadLimits = FROM_ANYBODY) -> MessageReader[RequestHead]:
    """Return a reader of the requests of one connection, one after the other."""
    return MessageReader(parse_request, recall_request, limits, empty_lines=True)


def response_reader(limits: HeadLimits = FROM_ANYBODY) -> MessageReader[ResponseHead]:
    """Return a reader of the responses of one connection.

    Interim responses (RFC 9110 15.2) come as heads before the one that was expected.
    """
    return MessageReader(parse_response, recall_response, limits, empty_lines=False)
