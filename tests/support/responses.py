"""What a hostile application answers, and what a visitor may see of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pgrok.http.head import FROM_OTHER_END

RIGHT = b"right"


class Seen(Enum):
    """What becomes of an answer."""

    RIGHT = "200 with the body `right`, and nothing behind it"
    EMPTY = "an answer without a body, and nothing behind it"
    REFUSED = "502 from us"
    CUT = "the beginning of an answer, and a connection that breaks"


@dataclass(frozen=True, slots=True)
class Answer:
    """Octets of a hostile application, which closes the connection after them if `closes`."""

    what: str
    data: bytes
    seen: Seen
    method: bytes = b"GET"
    closes: bool = False

    def __str__(self) -> str:
        return self.what


def response(*lines: bytes, start: bytes = b"HTTP/1.1 200 OK", body: bytes = b"") -> bytes:
    """Return a response with these lines and this body."""
    return b"\r\n".join([start, *lines, b"", body])


LENGTH = b"Content-Length: 5"
CHUNKED = b"Transfer-Encoding: chunked"
POISON = response(b"Content-Length: 6", b"X: poison", body=b"poison")


def _chunks(data: bytes) -> bytes:
    return response(CHUNKED, body=data)


LEFT_OVER = [
    Answer("octets after a length", response(LENGTH, body=RIGHT + b"more"), Seen.RIGHT),
    Answer("an empty line after a length", response(LENGTH, body=RIGHT + b"\r\n"), Seen.RIGHT),
    Answer("two responses", response(LENGTH, body=RIGHT) + POISON, Seen.RIGHT),
    Answer("octets after chunks", _chunks(b"5\r\nright\r\n0\r\n\r\nmore"), Seen.RIGHT),
    Answer("a response after chunks", _chunks(b"5\r\nright\r\n0\r\n\r\n") + POISON, Seen.RIGHT),
    Answer(
        "a 100 after a response",
        response(LENGTH, body=RIGHT + b"HTTP/1.1 100 C\r\n\r\n"),
        Seen.RIGHT,
    ),
    Answer(
        "a response after an interim one and another",
        b"HTTP/1.1 103 E\r\n\r\n" + response(LENGTH, body=RIGHT) + POISON,
        Seen.RIGHT,
    ),
    Answer(
        "a response after one to HTTP/1.0",
        response(LENGTH, start=b"HTTP/1.0 200 OK", body=RIGHT) + POISON,
        Seen.RIGHT,
    ),
    Answer("a body of length 0", response(b"Content-Length: 0", body=POISON), Seen.EMPTY),
    Answer(
        "a body of 204",
        response(b"Content-Length: 99", start=b"HTTP/1.1 204 No", body=POISON),
        Seen.EMPTY,
    ),
    Answer(
        "chunks of 204",
        response(CHUNKED, start=b"HTTP/1.1 204 No", body=b"5\r\nright\r\n0\r\n\r\n"),
        Seen.EMPTY,
    ),
    Answer(
        "a body of 304",
        response(b"Content-Length: 99", start=b"HTTP/1.1 304 No", body=POISON),
        Seen.EMPTY,
    ),
    Answer("a body for HEAD", response(b"Content-Length: 99", body=POISON), Seen.EMPTY, b"HEAD"),
    Answer(
        "chunks for HEAD", response(CHUNKED, body=b"5\r\nright\r\n0\r\n\r\n"), Seen.EMPTY, b"HEAD"
    ),
]
"""The first answer is right, and what follows it nobody's."""

TWO_MEANINGS = [
    *(
        Answer(what, response(*lines, body=b"5\r\nright\r\n0\r\n\r\n"), Seen.REFUSED)
        for what, *lines in (
            ("CL and TE", LENGTH, CHUNKED),
            ("TE and CL", CHUNKED, LENGTH),
            ("CL twice", LENGTH, b"Content-Length: 6"),
            ("CL twice, alike", LENGTH, LENGTH),
            ("a CL list", b"Content-Length: 5, 5"),
            ("a negative CL", b"Content-Length: -1"),
            ("a signed CL", b"Content-Length: +5"),
            ("a CL beyond 64 bits", b"Content-Length: 18446744073709551621"),
            ("an empty CL", b"Content-Length:"),
            ("TE gzip", b"Transfer-Encoding: gzip"),
            ("TE gzip, chunked", b"Transfer-Encoding: gzip, chunked"),
            ("TE chunked, identity", b"Transfer-Encoding: chunked, identity"),
            ("TE twice", CHUNKED, CHUNKED),
            ("TE before its colon", b"Transfer-Encoding : chunked"),
            ("a folded line", b"X: a", b" Content-Length: 5"),
            ("a split response, by LF", b"X: a\n\nHTTP/1.1 200 OK", LENGTH),
            ("a split line, by CR", b"X: a\rContent-Length: 5"),
            ("a split line, by LF", b"X: a\nSet-Cookie: b=c"),
            ("NUL", b"X: a\0b"),
            ("no colon", b"X"),
        )
    ),
    *(
        Answer(
            f"begins with {start.decode()!r}",
            response(LENGTH, start=start, body=RIGHT),
            Seen.REFUSED,
        )
        for start in (
            *(b"HTTP/2.0 200 OK", b"HTTP/0.9 200 OK", b"http/1.1 200 OK", b"HTTP/1.1 20 OK"),
            *(b"HTTP/1.1 099 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 +20 OK", b"HTTP/1.1  200 OK"),
            *(b"HTTP/1.1 200 O\rK", b"HTTP/1.1 200 O\0K", b"ICY 200 OK", b"", b" HTTP/1.1 200 OK"),
        )
    ),
    Answer("TE of HTTP/1.0", response(CHUNKED, start=b"HTTP/1.0 200 OK"), Seen.REFUSED),
    Answer("no HTTP", b"right\r\n\r\n", Seen.REFUSED),
    Answer("a response after no response", b"\r\n\r\n" + POISON, Seen.REFUSED),
    Answer("an end within a head", b"HTTP/1.1 200 OK\r\nContent-Le", Seen.REFUSED, closes=True),
    Answer("an end", b"", Seen.REFUSED, closes=True),
    Answer(
        "an end after an interim response", b"HTTP/1.1 103 E\r\n\r\n", Seen.REFUSED, closes=True
    ),
    Answer("a broken interim response", b"HTTP/1.1 103 E\r\nX\r\n\r\n" + POISON, Seen.REFUSED),
]
"""Nobody can say what was answered."""

UNASKED_SWITCHES = [
    Answer(f"101 {what}", response(*lines, start=b"HTTP/1.1 101 Switching") + POISON, Seen.REFUSED)
    for what, *lines in (
        ("to a WebSocket", b"Connection: Upgrade", b"Upgrade: websocket"),
        ("to h2c", b"Connection: Upgrade", b"Upgrade: h2c"),
        ("to nothing", b"Connection: Upgrade"),
        ("without a Connection", b"Upgrade: websocket"),
        ("without a word",),
    )
]
"""Nobody asked for another protocol."""

# More than either end takes, with or without a client of ours between.
_OCTETS, _LINES = FROM_OTHER_END

FLOODS = [
    Answer("a long line", response(b"X: " + b"y" * _OCTETS), Seen.REFUSED),
    Answer("a line without an end", response(b"X: ")[:-4] + b"y" * (_OCTETS + 9), Seen.REFUSED),
    Answer("too many lines", response(*[b"X: y"] * _LINES), Seen.REFUSED),
    Answer("interim responses", b"HTTP/1.1 103 E\r\n\r\n" * 10_000, Seen.REFUSED),
    Answer(
        "interim responses, and one that is final",
        b"HTTP/1.1 100 C\r\n\r\n" * 10_000 + POISON,
        Seen.REFUSED,
    ),
    Answer("an extension", _chunks(b"5;" + b"x" * 2000), Seen.CUT),
    Answer("zeros of a size", _chunks(b"0" * 2000), Seen.CUT),
    Answer("trailers", _chunks(b"0\r\n" + b"A: b\r\n" * 200), Seen.CUT),
    Answer("a trailer", _chunks(b"0\r\nA: " + b"b" * (_OCTETS + 9)), Seen.CUT),
]
"""There is too much of it, and no end."""

BROKEN_BODIES = [
    Answer("shorter than its length", response(LENGTH, body=b"rig"), Seen.CUT, closes=True),
    *(
        Answer(what, _chunks(b"3\r\nrig\r\n" + rest), Seen.CUT, closes=closes)
        for what, rest, closes in (
            ("a chunk-size beyond 64 bits", b"10000000000000002\r\nht\r\n0\r\n\r\n", False),
            ("a chunk-size at the edge of 64 bits", b"ffffffffffffffff\r\nht\r\n0\r\n\r\n", False),
            ("a negative chunk-size", b"-2\r\nht\r\n0\r\n\r\n", False),
            ("a chunk-size with 0x", b"0x2\r\nht\r\n0\r\n\r\n", False),
            ("no chunk-size", b"\r\nht\r\n0\r\n\r\n", False),
            ("a longer chunk than said", b"1\r\nht\r\n0\r\n\r\n", False),
            ("a bare LF after a size", b"2\nht\r\n0\r\n\r\n", False),
            ("a bare LF for a chunk's end", b"2\r\nht\n0\r\n\r\n", False),
            ("a bare CR in an extension", b"2;\r\rht\r\n0\r\n\r\n", False),
            ("a response within trailers", b"0\r\n" + POISON, False),
            ("a bare LF after the last chunk", b"0\n\n", False),
            ("an end within a chunk", b"2\r\nh", True),
            ("an end between chunks", b"2\r\nht\r\n", True),
            ("an end within trailers", b"0\r\nA: b\r\n", True),
        )
    ),
]
"""They begin well."""

HOSTILE = [*LEFT_OVER, *TWO_MEANINGS, *UNASKED_SWITCHES, *FLOODS, *BROKEN_BODIES]
