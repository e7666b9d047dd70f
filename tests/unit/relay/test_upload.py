from __future__ import annotations

from pgrok.http.fields import Fields
from pgrok.http.parsing import parse_request
from pgrok.http.reader import Body
from pgrok.relay.upload import Upload
from support.relay import post


def upload(*lines: bytes) -> Upload:
    return Upload(parse_request(post(b"", *lines)))


def output(upload: Upload) -> bytes:
    return b"".join(upload.take_output())


def test_a_body_goes_on_as_it_comes_after_the_head() -> None:
    sent = upload(b"Content-Length: 2")
    sent.begin(b"head ")
    sent.add(Body([memoryview(b"h")]))
    assert (output(sent), sent.ended) == (b"head h", False)
    sent.add(Body([memoryview(b"i")], Fields.of()))
    assert (output(sent), sent.ended) == (b"i", True)
    assert output(sent) == b""


def test_chunks_are_made_anew() -> None:
    sent = upload(b"Transfer-Encoding: chunked")
    sent.add(Body([memoryview(b"hi")], Fields.of((b"X-Sum", b"1"))))
    assert output(sent) == b"2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n"


def test_whoever_waits_for_a_100_does_so_until_the_body_begins() -> None:
    sent = upload(b"Content-Length: 2", b"Expect: 100-continue")
    assert sent.awaits_continue
    sent.add(Body([memoryview(b"h")]))
    assert not sent.awaits_continue
