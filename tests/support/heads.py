"""Heads that have one meaning, and heads with two, none or too much of it."""

from __future__ import annotations

from dataclasses import dataclass

from pgrok.http.head import MAX_HEAD_BYTES, MAX_HEAD_LINES

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that is answered with `status` and never passed on."""

    what: str
    data: bytes
    status: int = 400

    def __str__(self) -> str:
        return self.what


def request(*lines: bytes, start: bytes = b"POST / HTTP/1.1", body: bytes = b"") -> bytes:
    """Return a request with a Host, these lines and this body."""
    return b"\r\n".join([start, b"Host: a", *lines, b"", body])


def _get(target: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    return request(start=b"GET %b %b" % (target, version))


CHUNKED = b"Transfer-Encoding: chunked"
UPGRADE = (b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

REFUSED_HEADS = [
    # Two lengths, or one that readers differ about.
    Refused("CL.TE", request(b"Content-Length: 4", CHUNKED, body=b"0\r\n\r\n" + SMUGGLED)),
    Refused("TE.CL", request(CHUNKED, b"Content-Length: 4", body=b"5c\r\n" + SMUGGLED)),
    Refused("CL twice", request(b"Content-Length: 1", b"Content-Length: 35", body=SMUGGLED)),
    Refused("CL twice, alike", request(b"Content-Length: 4", b"Content-Length: 4")),
    Refused("CL list", request(b"Content-Length: 4, 4")),
    Refused("CL signed", request(b"Content-Length: +4")),
    Refused("CL negative", request(b"Content-Length: -4")),
    Refused("CL hexadecimal", request(b"Content-Length: 0x4")),
    Refused("CL with a fraction", request(b"Content-Length: 4.0")),
    Refused("CL with an underscore", request(b"Content-Length: 1_0")),
    Refused("CL in parts", request(b"Content-Length: 1 0")),
    Refused("CL empty", request(b"Content-Length:")),
    Refused("CL of 19 digits", request(b"Content-Length: 9999999999999999999")),
    Refused("CL beyond 64 bits", request(b"Content-Length: 18446744073709551617")),
    Refused("CL in other digits", request("Content-Length: ٤".encode())),
    Refused("CL list that begins with 0", request(b"Content-Length: 0, 35", body=SMUGGLED)),
    Refused("CL of minus nothing", request(b"Content-Length: -0")),
    Refused("CL with an exponent", request(b"Content-Length: 1e1")),
    Refused("CL with a parameter", request(b"Content-Length: 4;q=1")),
    Refused("CL in quotes", request(b'Content-Length: "4"')),
    Refused("CL before its colon", request(b"Content-Length : 4")),
    Refused("CL folded", request(b"Content-Length: 4", b" 0")),
    Refused("CL after a form feed", request(b"Content-Length:\x0c4")),
    Refused("CL after a bare LF", request(b"X: y\nContent-Length: 35", body=SMUGGLED)),
    # Codings that one reader sees and another does not.
    Refused("TE gzip, chunked", request(b"Transfer-Encoding: gzip, chunked"), 501),
    Refused("TE chunked, gzip", request(b"Transfer-Encoding: chunked, gzip")),
    Refused("TE identity", request(b"Transfer-Encoding: identity")),
    Refused("TE xchunked", request(b"Transfer-Encoding: xchunked")),
    Refused("TE quoted", request(b'Transfer-Encoding: "chunked"')),
    Refused("TE with a parameter", request(b"Transfer-Encoding: chunked;a=b")),
    Refused("TE empty", request(b"Transfer-Encoding:")),
    Refused("TE after VT", request(b"Transfer-Encoding:\x0bchunked")),
    Refused("TE in two lines", request(CHUNKED, b"Transfer-Encoding: identity")),
    Refused("TE twice", request(CHUNKED, CHUNKED)),
    Refused("TE folded", request(b"Transfer-Encoding:\r\n chunked")),
    Refused("TE before its colon", request(b"Transfer-Encoding : chunked")),
    Refused("TE after a bare LF", request(b"X: y\nTransfer-Encoding: chunked")),
    Refused("TE after a bare CR", request(b"X: y\rTransfer-Encoding: chunked")),
    Refused("TE of HTTP/1.0", request(CHUNKED, start=b"POST / HTTP/1.0")),
    Refused("TE cut short", request(b"Transfer-Encoding: chunk")),
    Refused("TE with a comma behind", request(b"Transfer-Encoding: chunked,")),
    Refused("TE with a comma before", request(b"Transfer-Encoding: ,chunked"), 501),
    Refused("TE after a space that is none", request(b"Transfer-Encoding: \xa0chunked")),
    Refused("TE before a form feed", request(b"Transfer-Encoding: chunked\x0c")),
    Refused("TE before a tab and its colon", request(b"Transfer-Encoding\t: chunked")),
    Refused("TE after NUL", request(b"\0Transfer-Encoding: chunked")),
    Refused("TE as a folded line", request(b"X: y", b" Transfer-Encoding: chunked")),
    Refused("TE as the first line", b"POST / HTTP/1.1\r\n Transfer-Encoding: chunked\r\n\r\n"),
    Refused("TE with its colon on the next line", request(b"Transfer-Encoding", b": chunked")),
    Refused("TE and two CLs", request(CHUNKED, b"Content-Length: 4", b"Content-Length: 5")),
    Refused("CL.TE of HTTP/1.0", request(b"Content-Length: 4", CHUNKED, start=b"GET / HTTP/1.0")),
    # Lines that do not end or begin as they should.
    Refused("a folded value", request(b"X: a", b" b")),
    Refused("a folded Host", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    Refused("a bare LF", b"GET / HTTP/1.1\nHost: a\n\n"),
    Refused("a bare LF before CRLF", b"GET / HTTP/1.1\nHost: a\n\r\n"),
    Refused("a bare LF at the end", b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    Refused("a bare CR in a value", request(b"X: a\rb")),
    Refused("NUL in a value", request(b"X: a\0b")),
    Refused("NUL in a name", request(b"X\0: a")),
    Refused("a control character", request(b"X: a\x01b")),
    Refused("DEL", request(b"X: a\x7fb")),
    Refused("a space in a name", request(b"X y: a")),
    Refused("a space before the colon", request(b"X : a")),
    Refused("no name", request(b": a")),
    Refused("no colon", request(b"X")),
    Refused("a name beyond ASCII", request(b"\xc3\xa9: a")),
    Refused("a line of white space", request(b" \t")),
    Refused("a request for a field", request(b"GET http://a/smuggled HTTP/1.1")),
    Refused("a bare CR before CRLF", b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
    Refused("a bare LF before the request", b"\n" + GET),
    Refused("a bare CR before the request", b"\r" + GET),
    Refused("a space before the request", b" " + GET),
    Refused("NUL before the request", b"\0" + GET),
    # Where to?
    Refused("no Host", b"GET / HTTP/1.1\r\nX: y\r\n\r\n"),
    Refused("no Host in HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n"),
    Refused("two Hosts", request(b"Host: b")),
    Refused("two Hosts, alike", request(b"host: a")),
    Refused("an empty Host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    Refused("a Host with a path", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    Refused("a Host with a user", b"GET / HTTP/1.1\r\nHost: b@a\r\n\r\n"),
    Refused("a Host with markup", b"GET / HTTP/1.1\r\nHost: <a>\r\n\r\n"),
    Refused("a Host list", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    Refused("a Host before its colon", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    Refused("a Host with two ports", b"GET / HTTP/1.1\r\nHost: a:80:81\r\n\r\n"),
    Refused("a Host with a port in words", b"GET / HTTP/1.1\r\nHost: a:http\r\n\r\n"),
    Refused("a Host with a port of six digits", b"GET / HTTP/1.1\r\nHost: a:000080\r\n\r\n"),
    Refused("a Host with a user after its port", b"GET / HTTP/1.1\r\nHost: a:80@b\r\n\r\n"),
    Refused("a Host with half a bracket", b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    Refused("a Host longer than names are", b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % (b"a" * 256)),
    Refused("absolute-form", _get(b"http://b/")),
    Refused("absolute-form of the Host", _get(b"http://a/")),
    Refused("authority-form", request(start=b"CONNECT a:443 HTTP/1.1")),
    Refused("CONNECT with a path", request(start=b"CONNECT /a HTTP/1.1")),
    Refused("authority-form GET", _get(b"a:443")),
    Refused("asterisk-form GET", _get(b"*")),
    Refused("no slash", _get(b"a")),
    Refused("a target with a space", _get(b"/a b")),
    Refused("a target that is a version", _get(b"/ HTTP/1.1")),
    Refused("a backslash", _get(b"\\a")),
    Refused("absolute-form OPTIONS", request(start=b"OPTIONS http://b HTTP/1.1")),
    Refused("a scheme without slashes", _get(b"https:b")),
    Refused("a query only", _get(b"?a")),
    Refused("a fragment", _get(b"/a#b")),
    Refused("a target beyond ASCII", _get(b"/\xc3\xa9")),
    Refused("a target with a tab", _get(b"/a\tb")),
    Refused("a target with NUL", _get(b"/a\0b")),
    # The start line.
    Refused("two spaces", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    Refused("two spaces before the version", _get(b"/ ")),
    Refused("a space after the version", _get(b"/", b"HTTP/1.1 ")),
    Refused("a tab for a space", b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    Refused("HTTP/0.9", b"GET /\r\n\r\n"),
    Refused("HTTP/0.9 in words", _get(b"/", b"HTTP/0.9"), 505),
    Refused("HTTP/1.2", _get(b"/", b"HTTP/1.2"), 505),
    Refused("HTTP/2.0", _get(b"/", b"HTTP/2.0"), 505),
    Refused("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    Refused("http/1.1", _get(b"/", b"http/1.1")),
    Refused("HTTP/1.10", _get(b"/", b"HTTP/1.10")),
    Refused("HTTP/01.1", _get(b"/", b"HTTP/01.1")),
    Refused("HTTP/1", _get(b"/", b"HTTP/1")),
    Refused("a tab after the version", _get(b"/", b"HTTP/1.1\t")),
    Refused("RTSP", _get(b"/", b"RTSP/1.0")),
    Refused("ICE", request(start=b"SOURCE / ICE/1.0")),
    Refused("a method in small letters", request(start=b"get / HTTP/1.1")),
    Refused("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    # Other protocols.
    Refused("h2c with a body", request(b"Upgrade: h2c", *UPGRADE, b"Content-Length: 35")),
    Refused("h2c with chunks", request(b"Upgrade: h2c", *UPGRADE, CHUNKED)),
    Refused(
        "h2c with a smuggled request",
        request(b"Upgrade: h2c", *UPGRADE, b"Content-Length: 35", body=SMUGGLED),
    ),
    Refused(
        "websocket with a smuggled request",
        request(
            *(b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 777"),
            b"Content-Length: 35",
            start=b"GET / HTTP/1.1",
            body=SMUGGLED,
        ),
    ),
    Refused("TLS with a body", request(b"Upgrade: TLS/1.0", *UPGRADE, b"Content-Length: 1")),
    Refused(
        "websocket with a body",
        request(b"Upgrade: websocket", *UPGRADE, b"Content-Length: 35", start=b"GET / HTTP/1.1"),
    ),
    Refused("an expectation", request(b"Expect: a-miracle"), 417),
    Refused("two expectations", request(b"Expect: 100-continue, a-miracle"), 417),
]
"""Each is refused at the end of its head at the latest; what follows is never looked at."""

TOO_MANY_LINES = Refused("too many lines", request(*[b"X: y"] * (MAX_HEAD_LINES - 1)), 431)

TOO_MANY_OCTETS = [
    Refused("one long line", request(b"X: " + b"y" * MAX_HEAD_BYTES), 431),
    Refused("no end of the head", request(b"X: ")[:-4] + b"y" * MAX_HEAD_BYTES, 431),
    Refused("a long target", _get(b"/" + b"y" * MAX_HEAD_BYTES), 431),
    Refused("many lines that are long", request(*[b"X: " + b"y" * 600] * 120), 431),
]
"""Each is refused before it is parsed, by the reader, which counts."""
