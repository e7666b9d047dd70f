"""Requests with something hidden in them: each is passed on as what it is, and as nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from support.heads import CHUNKED, GET, SMUGGLED, UPGRADE, Refused, request

Asked = tuple[bytes, bytes, bytes]
"""Method, target and body of a request."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Octets that mean the requests in `asked`; `refused` is the status of what follows them."""

    what: str
    data: bytes
    asked: tuple[Asked, ...]
    refused: int | None = None

    def __str__(self) -> str:
        return self.what


def _post(body: bytes) -> Asked:
    return (b"POST", b"/", body)


def _one_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)


HIDDEN = SMUGGLED.replace(b"Host: a", b"Host: a.localhost")
"""In a body, which stays as long as its length says."""

_LENGTH = b"Content-Length: %d" % len(HIDDEN)
_HELLO = b"5\r\nhello\r\n0\r\n"
_GET = (b"GET", b"/", b"")
_HIDDEN = (b"GET", b"/smuggled", b"")

IN_BODIES = [
    *(
        Passed(what, request(_LENGTH, *lines, body=HIDDEN), (_post(HIDDEN),))
        for what, *lines in (
            ("CL.0",),
            ("CL named by Connection", b"Connection: content-length"),
            ("Host named by Connection", b"Connection: host"),
            ("CL and Transfer_Encoding", b"Transfer_Encoding: chunked"),
            ("CL and Content_Length", b"Content_Length: 0"),
            ("CL and X-Transfer-Encoding", b"X-Transfer-Encoding: chunked"),
            ("an expectation and its body at once", b"Expect: 100-continue"),
            ("h2c without its Connection", b"Upgrade: h2c"),
        )
    ),
    *(
        Passed(what, request(*lines, body=_one_chunk(HIDDEN)), (_post(HIDDEN),))
        for what, *lines in (
            ("TE", CHUNKED),
            ("TE and Content_Length", CHUNKED, b"Content_Length: 0"),
            ("TE named by Connection", CHUNKED, b"Connection: transfer-encoding"),
            ("TE in other letters", b"tRANSFER-eNCODING:\tcHUNKED \t"),
        )
    ),
    *(
        Passed(
            f"CL.0 of {method.decode()}",
            request(_LENGTH, start=b"%b / HTTP/1.1" % method, body=HIDDEN),
            ((method, b"/", HIDDEN),),
        )
        for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"X-ANY")
    ),
]
"""A request within a request's body stays there."""

IN_CHUNKS = [
    Passed(what, request(CHUNKED, body=chunks), (_post(b"hello"),))
    for what, chunks in (
        ("extensions", b'5;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n'),
        ("a request for an extension", b"5;GET /smuggled HTTP/1.1\r\nhello\r\n0\r\n\r\n"),
        ("white space before an extension", b"5 \t;a\r\nhello\r\n0\r\n\r\n"),
        ("zeros before a size", b"00000000000005\r\nhello\r\n000\r\n\r\n"),
        ("framing in trailers", _HELLO + b"Content-Length: 35\r\nTransfer-Encoding: x\r\n\r\n"),
        ("routing in trailers", _HELLO + b"Host: b\r\nX-Forwarded-For: c\r\nCookie: d\r\n\r\n"),
        ("misspelt trailers", _HELLO + b"Content_Length: 35\r\nX_Forwarded_For: c\r\n\r\n"),
    )
]
"""Chunks and trailers are made anew, without what could redefine them."""

IN_PIPELINES = [
    Passed(
        "what follows chunks", request(CHUNKED, body=b"0\r\n\r\n") + SMUGGLED, (_post(b""), _HIDDEN)
    ),
    Passed("two requests", GET + SMUGGLED, (_GET, _HIDDEN)),
    Passed("empty lines between", b"\r\n\r\n" + GET + b"\r\n" + SMUGGLED, (_GET, _HIDDEN)),
    Passed("a POST without a length", request() + SMUGGLED, (_post(b""), _HIDDEN)),
    Passed("what follows HTTP/1.0", request(start=b"GET / HTTP/1.0") + SMUGGLED, (_GET,)),
    Passed(
        "what follows keep-alive of HTTP/1.0",
        request(b"Connection: keep-alive", start=b"GET / HTTP/1.0") + SMUGGLED,
        (_GET,),
    ),
    Passed(
        "what follows close", request(b"Connection: x, close", start=GET[:14]) + SMUGGLED, (_GET,)
    ),
    Passed(
        "h2c without a body",
        request(b"Upgrade: h2c", *UPGRADE, start=GET[:14]) + SMUGGLED,
        (_GET, _HIDDEN),
    ),
    Passed(
        "a WebSocket that is declined",
        request(b"Upgrade: websocket", b"Connection: Upgrade", start=GET[:14]) + SMUGGLED,
        (_GET, _HIDDEN),
    ),
    Passed("poison", GET + b"\x16\x03\x01\r\n\r\n", (_GET,), 400),
    Passed(
        "a poisoned request", GET + request(b"Content-Length: 4", CHUNKED) + SMUGGLED, (_GET,), 400
    ),
    Passed(
        "more body than its length",
        request(b"Content-Length: 5", body=b"hello!") + SMUGGLED,
        (_post(b"hello"),),
        400,
    ),
    Passed(
        "a tail of chunks after a length",
        request(b"Content-Length: 5", body=b"hello0\r\n\r\n") + SMUGGLED,
        (_post(b"hello"),),
        400,
    ),
]
"""One request after the other, up to the first that makes no sense or the one that was the last."""

IN_TARGETS = [
    Passed(target.decode(), request(start=b"GET %b HTTP/1.1" % target), ((b"GET", target, b""),))
    for target in (
        *(b"//b/smuggled", b"/\\b", b"/..;/x", b"/%2e%2e/x", b"/a/../../x", b"/@b", b"/:80"),
        *(b"/%0d%0aX:%20y", b"/%00", b"/?http://b/", b"/?%23", b"/{}|^`", b"/http://b/"),
    )
]
"""They go on as they came: nothing is decoded, normalised or obeyed."""

PASSED = [*IN_BODIES, *IN_CHUNKS, *IN_PIPELINES, *IN_TARGETS]

BROKEN_BODIES = [
    Refused("a chunk-size that wraps", b"10000000000000000\r\n\r\n"),
    Refused("a chunk-size at the edge of 64 bits", b"ffffffffffffffff\r\n\r\n"),
    Refused("a chunk-size at the edge of 63 bits", b"7fffffffffffffff\r\n\r\n"),
    Refused("a signed chunk-size", b"+5\r\nhello\r\n0\r\n\r\n"),
    Refused("a negative chunk-size", b"-1\r\nhello\r\n0\r\n\r\n"),
    Refused("a chunk-size with 0x", b"0x5\r\nhello\r\n0\r\n\r\n"),
    Refused("a chunk-size with an underscore", b"0_5\r\nhello\r\n0\r\n\r\n"),
    Refused("a chunk-size after white space", b" 5\r\nhello\r\n0\r\n\r\n"),
    Refused("a chunk-size in two", b"5 5\r\nhello\r\n0\r\n\r\n"),
    Refused("no chunk-size", b"\r\nhello\r\n0\r\n\r\n"),
    Refused("an extension instead of a chunk-size", b";a\r\nhello\r\n0\r\n\r\n"),
    Refused("a longer chunk than said", b"1\r\nabc\r\n0\r\n\r\n"),
    Refused("a shorter chunk than said", b"6\r\nhello\r\n0\r\n\r\n"),
    Refused("a bare LF for a chunk's end", b"1\r\na\n0\r\n\r\n"),
    Refused("a bare CR for a chunk's end", b"1\r\na\r0\r\n\r\n"),
    Refused("a bare LF after a size", b"1\na\r\n0\r\n\r\n"),
    Refused("a bare CR after a size", b"1\ra\r\n0\r\n\r\n"),
    Refused("a bare LF in an extension", b"1;\nb\r\na\r\n0\r\n\r\n"),
    Refused("a bare CR in an extension", b"1;\rb\r\na\r\n0\r\n\r\n"),
    Refused("NUL in an extension", b"1;\0\r\na\r\n0\r\n\r\n"),
    Refused("a trailer with a bare LF", b"0\r\nA: b\n\r\n\r\n"),
    Refused("a trailer with a bare CR", b"0\r\nA: b\rC: d\r\n\r\n"),
    Refused("a folded trailer", b"0\r\nA: b\r\n c\r\n\r\n"),
    Refused("a trailer with a space in its name", b"0\r\nA b: c\r\n\r\n"),
    Refused("a request for a trailer", b"0\r\nGET /smuggled HTTP/1.1\r\n\r\n"),
    Refused("a bare LF after the last chunk", b"0\n\n"),
    Refused("a bare LF after the trailers", b"0\r\n\n"),
]
"""Chunked bodies; whoever got their head never gets their end."""

FLOODED_BODIES = [
    Refused("a chunk-size of zeros without an end", b"0" * 2000),
    Refused("an endless extension", b"1;" + b"a" * 2000),
    Refused("too many trailers", b"0\r\n" + b"A: b\r\n" * 129, 431),
    Refused("too long trailers", b"0\r\n" + (b"A: %b\r\n" % (b"b" * 9000)) * 8, 431),
]
"""Chunked bodies that are refused before they end, since they may not."""
