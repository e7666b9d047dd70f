"""Message bodies (RFC 9112 6-7): where one ends, and how it is written again.

Readers take what arrived and say which part of it is body; they copy nothing. A body of known
length is counted, not parsed. Chunks are taken apart and made anew, so that extensions and
other people's ideas of a line end go no further.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from pgrok.errors import LocalProtocolError, RemoteProtocolError
from pgrok.http.fields import Fields, permitted_trailers
from pgrok.http.head import MAX_HEAD_BYTES, MAX_HEAD_LINES, Framing

MAX_CHUNK_LINE = 1024
"""Octets of a chunk's size line with its extensions, which nobody uses; nginx has no limit."""

Pieces = list[memoryview]

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
_CRLF = b"\r\n"

NO_TRAILERS = Fields((), ())


class BodyReader(Protocol):
    """Finds the end of one body. `done` tells that it was found; `trailers` came after it."""

    done: bool
    trailers: Fields

    def receive(self, data: memoryview, pieces: Pieces) -> int:
        """Append what is body in `data` to `pieces`; return how much of `data` was used.

        Raises `RemoteProtocolError` where the framing is broken.
        """

    def receive_eof(self) -> None:
        """Take the end of the connection; raises `RemoteProtocolError` if the body is cut."""


class LengthReader:
    """Counts a body of known length; 0 is none."""

    def __init__(self, length: int) -> None:
        self.left = length
        """Octets that have not come yet."""
        self.done = length == 0
        self.trailers = NO_TRAILERS

    def receive(self, data: memoryview, pieces: Pieces) -> int:
        """See `BodyReader`."""
        used = min(len(data), self.left)
        if used:
            pieces.append(data[:used])
        self.count(used)
        return used

    def count(self, octets: int) -> None:
        """Take so many octets of the body for read."""
        self.left -= octets
        self.done = self.left == 0

    def receive_eof(self) -> None:
        """See `BodyReader`."""
        if not self.done:
            raise RemoteProtocolError(f"the body ended {self.left} octets early")


class UntilCloseReader:
    """A response's body that ends with its connection."""

    def __init__(self) -> None:
        self.done = False
        self.trailers = NO_TRAILERS

    def receive(self, data: memoryview, pieces: Pieces) -> int:
        """See `BodyReader`."""
        pieces.append(data)
        return len(data)

    def receive_eof(self) -> None:
        """See `BodyReader`."""
        self.done = True


class _In(Enum):
    """What a chunked body goes on with (RFC 9112 7.1)."""

    SIZE = "chunk-size"
    DATA = "chunk-data"
    DATA_END = "end of chunk-data"
    TRAILER = "trailer-section"


class ChunkedReader:
    """Takes chunks apart, strictly: CRLF ends a line and nothing else does."""

    def __init__(self) -> None:
        self.done = False
        self.trailers = NO_TRAILERS
        self._in = _In.SIZE
        self._left = 0
        self._line = b""
        self._trailer_lines: list[bytes] = []
        self._trailer_bytes = 0

    def receive(self, data: memoryview, pieces: Pieces) -> int:
        """See `BodyReader`."""
        used = 0
        while used < len(data) and not self.done:
            if self._in is _In.DATA:
                used += self._take_data(data[used:], pieces)
            else:
                used += self._take_line(data[used:])
        return used

    def receive_eof(self) -> None:
        """See `BodyReader`."""
        if not self.done:
            raise RemoteProtocolError(f"the body ended within its {self._in.value}")

    def _take_data(self, data: memoryview, pieces: Pieces) -> int:
        taken = min(len(data), self._left)
        pieces.append(data[:taken])
        self._left -= taken
        if self._left == 0:
            self._in = _In.DATA_END
        return taken

    def _take_line(self, data: memoryview) -> int:
        """Complete the line that is under way, if its end is in `data`."""
        limit = MAX_HEAD_BYTES if self._in is _In.TRAILER else MAX_CHUNK_LINE
        window = bytes(data[: limit + 2 - len(self._line)])
        joined = self._line + window
        end = joined.find(_CRLF, max(0, len(self._line) - 1))
        if end < 0:
            self._line = joined
            self._check_partial_line(limit)
            return len(window)
        used = end + 2 - len(self._line)
        self._line = b""
        self._end_line(joined[:end])
        return used

    def _check_partial_line(self, limit: int) -> None:
        # One octet more may be the CR of the line's end.
        if len(self._line) > limit + 1 or b"\n" in self._line:
            raise RemoteProtocolError(f"malformed {self._in.value}")
        if self._in is _In.DATA_END and self._line not in (b"", b"\r"):
            raise RemoteProtocolError("a chunk is longer than its size")

    def _end_line(self, line: bytes) -> None:
        if self._in is _In.SIZE:
            self._begin_chunk(line)
        elif self._in is _In.DATA_END:
            if line:
                raise RemoteProtocolError("a chunk is longer than its size")
            self._in = _In.SIZE
        elif line:
            self._add_trailer(line)
        else:
            self._end_trailers()

    def _begin_chunk(self, line: bytes) -> None:
        match = _CHUNK_LINE.fullmatch(line)
        if match is None:
            raise RemoteProtocolError("malformed chunk-size")
        self._left = int(match[1], 16)
        self._in = _In.DATA if self._left else _In.TRAILER

    def _add_trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line) + 2
        if self._trailer_bytes > MAX_HEAD_BYTES or len(self._trailer_lines) >= MAX_HEAD_LINES:
            raise RemoteProtocolError("too many trailer fields", status=431)
        self._trailer_lines.append(line)

    def _end_trailers(self) -> None:
        if self._trailer_lines:
            section = b"\n%b\r\n" % _CRLF.join(self._trailer_lines)
            self.trailers = Fields.parse(section, 0, len(section))
        self.done = True


def body_reader(framing: Framing, length: int | None) -> BodyReader | None:
    """Return the reader for a body that is framed so, None if there is no body."""
    if framing is Framing.NONE:
        return None
    if framing is Framing.LENGTH:
        return LengthReader(length or 0)
    return ChunkedReader() if framing is Framing.CHUNKED else UntilCloseReader()


def encode_body(
    framing: Framing, pieces: Pieces, trailers: Fields | None
) -> Sequence[bytes | memoryview]:
    """Return what to send for some of a body whose head has announced `framing`.

    `trailers` is None while more is to come; only chunks can carry any.
    """
    if framing is not Framing.CHUNKED:
        if framing is Framing.NONE and pieces:
            raise LocalProtocolError("body data for a message without a body")
        return pieces
    chunks: list[bytes | memoryview] = []
    for piece in pieces:
        chunks += (b"%x\r\n" % len(piece), piece, _CRLF)
    if trailers is not None:
        chunks.append(_CRLF.join([b"0", *permitted_trailers(trailers), b"", b""]))
    return chunks
