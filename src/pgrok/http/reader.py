"""One direction of an HTTP/1.1 connection, cut into messages: whose bytes are whose.

In the manner of h11: `receive` takes bytes, `next_event` gives what they mean, and nothing here
touches a socket. A reader never runs ahead: after the end of a message it gives no event until
it is told to go on, so that pipelined requests wait their turn in its buffer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from pgrok.errors import LocalProtocolError, RemoteProtocolError
from pgrok.http.body import BodyReader, Pieces, body_reader
from pgrok.http.fields import Fields
from pgrok.http.head import MAX_HEAD_BYTES, RequestHead, ResponseHead
from pgrok.http.parsing import parse_request, parse_response

# With or without CR: a head with bare line feeds would else be waited for until the deadline.
_EMPTY_LINE = re.compile(rb"\n\r?\n")

HeadT = TypeVar("HeadT", RequestHead, ResponseHead)


@dataclass(slots=True)
class Body:
    """Some of a message's body, as views of what arrived."""

    pieces: Pieces


@dataclass(slots=True)
class End:
    """A message is over; `trailers` came after its body."""

    trailers: Fields


class _MessageReader(Generic[HeadT]):
    """What both directions share: a buffer, a head to wait for, a body to follow."""

    def __init__(self) -> None:
        self._buffer = b""
        self._start = 0
        self._searched = 0
        self._body: BodyReader | None = None
        self._ended = True
        self._eof = False

    @property
    def buffered(self) -> int:
        """Octets that arrived and have no event yet."""
        return len(self._buffer) - self._start

    @property
    def in_message(self) -> bool:
        """Whether a message has begun that is not over."""
        return not self._ended or self.buffered > 0

    @property
    def awaits_message(self) -> bool:
        """Whether a message has been asked for that is not over."""
        return not self._ended

    def receive(self, data: bytes) -> None:
        """Take what arrived on the connection."""
        if self.buffered:
            self._buffer = self._buffer[self._start :] + data
            self._searched -= self._start
        else:
            self._buffer = data
            self._searched = 0
        self._start = 0

    def next_event(self) -> HeadT | Body | End | None:
        """Return what the bytes so far mean, or None where more are needed.

        Raises `RemoteProtocolError`, also where no more will come and a message is cut short;
        the reader is of no use after that.
        """
        if self._ended:
            return None
        if self._body is None:
            return self._next_head()
        return self._next_body(self._body)

    def receive_eof(self) -> None:
        """Take the end of the connection, which may be the end of a message."""
        self._eof = True

    def take_rest(self) -> bytes:
        """Return what arrived after the last message, and forget it: it is another protocol's."""
        rest = self._buffer[self._start :]
        self._buffer, self._start, self._searched = b"", 0, 0
        return rest

    def _next_head(self) -> HeadT | None:
        begin = self._start
        empty_line = _EMPTY_LINE.search(self._buffer, max(begin, self._searched - 2))
        end = empty_line.end() if empty_line else len(self._buffer)
        if end - begin > MAX_HEAD_BYTES:
            raise RemoteProtocolError(f"a head of more than {MAX_HEAD_BYTES} octets", status=431)
        if empty_line is None:
            self._searched = end
            if self._eof and self.buffered:
                raise RemoteProtocolError("the connection ended within a head")
            return None
        head = self._buffer[begin:end]
        if not head.endswith(b"\r\n\r\n"):
            raise RemoteProtocolError("a line ends without CR")
        self._start = self._searched = end
        return self._parse(head)

    def _next_body(self, body: BodyReader) -> Body | End | None:
        pieces: Pieces = []
        if self.buffered and not body.done:
            self._start += body.receive(memoryview(self._buffer)[self._start :], pieces)
        if pieces:
            return Body(pieces)
        if self._eof and not body.done:
            body.receive_eof()
        return self._end(body) if body.done else None

    def _end(self, body: BodyReader) -> End:
        self._ended = True
        self._body = None
        if not self.buffered:
            # An idle connection would hold on to the last read, which may be large.
            self._buffer, self._start = b"", 0
        return End(body.trailers)

    def _parse(self, head: bytes) -> HeadT:
        raise NotImplementedError


class RequestReader(_MessageReader[RequestHead]):
    """Reads the requests of one connection, one after the other.

    Call `start_next` before each, the first one too.
    """

    def start_next(self) -> None:
        """Go on to the next request; raises `LocalProtocolError` while one is under way."""
        if not self._ended:
            raise LocalProtocolError("the request is not over")
        self._ended = False

    def next_event(self) -> RequestHead | Body | End | None:
        """See `_MessageReader.next_event`; empty lines before a request are passed over."""
        if not self._ended and self._body is None:
            # RFC 9112 2.2: some clients send a line end after a body.
            while self._buffer.startswith(b"\r\n", self._start):
                self._start += 2
        return super().next_event()

    def _parse(self, head: bytes) -> RequestHead:
        request = parse_request(head)
        self._body = body_reader(request.framing, request.length)
        return request


class ResponseReader(_MessageReader[ResponseHead]):
    """Reads the responses of one connection; each has to be announced with `expect`.

    Interim responses (RFC 9110 15.2) come as heads of their own, without an `End`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._method = b""

    def expect(self, method: bytes) -> None:
        """Get ready for the response to a request with `method`.

        Raises `LocalProtocolError` while another one is under way.
        """
        if not self._ended:
            raise LocalProtocolError("the response is not over")
        self._method = method
        self._ended = False

    def _parse(self, head: bytes) -> ResponseHead:
        response = parse_response(head, method=self._method)
        if not response.interim:
            self._body = body_reader(response.framing, response.length)
        return response
