from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgrok.errors import LocalProtocolError, RemoteProtocolError
from pgrok.http.body import (
    MAX_CHUNK_LINE,
    BodyReader,
    ChunkedReader,
    LengthReader,
    Pieces,
    UntilCloseReader,
    body_reader,
    encode_body,
)
from pgrok.http.fields import Fields
from pgrok.http.head import MAX_HEAD_BYTES, MAX_HEAD_LINES, Framing


def read(reader: BodyReader, *parts: bytes) -> tuple[bytes, bytes]:
    """Return the body in `parts`, and what was left over of them."""
    pieces: Pieces = []
    rest = b""
    for part in parts:
        rest += part[reader.receive(memoryview(part), pieces) :]
    return b"".join(pieces), rest


def one_by_one(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def test_a_counted_body() -> None:
    reader = LengthReader(5)
    assert read(reader, b"he", b"llo, world") == (b"hello", b", world")
    assert reader.done


def test_no_body_is_over_at_once() -> None:
    assert body_reader(Framing.NONE, None) is None
    reader = body_reader(Framing.LENGTH, 0)
    assert reader is not None
    assert reader.done
    assert read(reader, b"GET") == (b"", b"GET")


def test_a_counted_body_that_is_cut() -> None:
    reader = LengthReader(5)
    read(reader, b"hel")
    with pytest.raises(RemoteProtocolError, match="2 octets early"):
        reader.receive_eof()


def test_a_body_until_the_end() -> None:
    reader = UntilCloseReader()
    assert read(reader, b"a", b"bc") == (b"abc", b"")
    assert not reader.done
    reader.receive_eof()
    assert reader.done


CHUNKS = b"5\r\nhello\r\nA;x=y\r\n, world!!!\r\n0\r\nX-Sum: 42\r\nX-T:\t a b \r\n\r\n"


@pytest.mark.parametrize("parts", [[CHUNKS + b"GET"], one_by_one(CHUNKS + b"GET")])
def test_chunks(parts: list[bytes]) -> None:
    reader = ChunkedReader()
    assert read(reader, *parts) == (b"hello, world!!!", b"GET")
    assert reader.done
    assert reader.trailers == Fields.of((b"X-Sum", b"42"), (b"X-T", b"a b"))


@pytest.mark.parametrize("end", range(len(CHUNKS)))
def test_chunks_that_are_cut(end: int) -> None:
    reader = ChunkedReader()
    read(reader, CHUNKS[:end])
    with pytest.raises(RemoteProtocolError, match="ended within its"):
        reader.receive_eof()


BROKEN_CHUNKS = {
    "no size": b"\r\n",
    "no hexadecimal": b"G\r\n",
    "a prefix": b"0x5\r\nhello\r\n",
    "a sign": b"+5\r\nhello\r\n",
    "a negative size": b"-1\r\n",
    "a space before": b" 5\r\nhello\r\n",
    "a size beyond 60 bits": b"1000000000000000\r\n",
    "a size of 64 bits": b"ffffffffffffffff\r\n",
    "a size that wraps at 64 bits": b"10000000000000005\r\nhello\r\n",
    "an underscore": b"1_0\r\n",
    "a bare LF after the size": b"5\nhello\r\n",
    "a bare CR after the size": b"5\rhello\r\n",
    "a bare LF in an extension": b"5;a\nb\r\nhello\r\n",
    "a bare CR in an extension": b"5;a\rb\r\nhello\r\n",
    "NUL in an extension": b"5;a\0\r\nhello\r\n",
    "words after the size": b"5 a\r\nhello\r\n",
    "a longer chunk": b"5\r\nhello!\r\n",
    "a bare LF after the chunk": b"5\r\nhello\n0\r\n\r\n",
    "a bare CR after the chunk": b"5\r\nhello\r0\r\n\r\n",
    "nothing after the chunk": b"5\r\nhello0\r\n\r\n",
    "a folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
    "a trailer without a colon": b"0\r\nA\r\n\r\n",
    "a trailer without a name": b"0\r\n: b\r\n\r\n",
    "a space in a trailer's name": b"0\r\nA : b\r\n\r\n",
    "a bare LF in a trailer": b"0\r\nA: b\nC: d\r\n\r\n",
    "a bare LF at the end": b"0\r\nA: b\r\n\n",
    "a control character in a trailer": b"0\r\nA: b\x01\r\n\r\n",
    "a request in the trailers": b"0\r\nGET / HTTP/1.1\r\n\r\n",
    "a long extension": b"5;" + b"a" * MAX_CHUNK_LINE + b"\r\nhello\r\n",
}


@pytest.mark.parametrize("data", BROKEN_CHUNKS.values(), ids=BROKEN_CHUNKS.keys())
def test_broken_chunks(data: bytes) -> None:
    for parts in ([data], one_by_one(data)):
        with pytest.raises(RemoteProtocolError):
            read(ChunkedReader(), *parts)


@pytest.mark.parametrize(
    "line",
    [b"5", b"05", b"000000000000005", b"5 \t", b"5;", b"5;a", b'5 ; a="\xe9"', b"5;a=b;c"],
)
def test_sizes_and_extensions(line: bytes) -> None:
    assert read(ChunkedReader(), line + b"\r\nhello\r\n0\r\n\r\n") == (b"hello", b"")


def test_the_largest_chunk_is_only_counted() -> None:
    reader = ChunkedReader()
    assert read(reader, b"fffffffffffffff\r\nhello") == (b"hello", b"")
    assert not reader.done


@pytest.mark.parametrize("cut", range(MAX_CHUNK_LINE - 1, MAX_CHUNK_LINE + 4))
def test_the_longest_size_line(cut: int) -> None:
    data = b"5;" + b"a" * (MAX_CHUNK_LINE - 2) + b"\r\nhello\r\n0\r\n\r\n"
    assert read(ChunkedReader(), data[:cut], data[cut:]) == (b"hello", b"")


def test_too_many_trailers() -> None:
    for trailers in (b"A: b\r\n" * (MAX_HEAD_LINES + 1), b"A: " + b"b" * MAX_HEAD_BYTES + b"\r\n"):
        with pytest.raises(RemoteProtocolError):
            read(ChunkedReader(), b"0\r\n" + trailers + b"\r\n")


def test_an_endless_trailer_is_not_waited_for() -> None:
    reader = ChunkedReader()
    read(reader, b"0\r\n")
    with pytest.raises(RemoteProtocolError):
        read(reader, *[b"a" * 1000] * (MAX_HEAD_BYTES // 1000 + 2))


def test_a_line_without_cr_is_not_waited_for() -> None:
    for part in (b"5\n", b"5;a\nhello", b"0\r\nA: b\n"):
        with pytest.raises(RemoteProtocolError):
            read(ChunkedReader(), part)


def written(framing: Framing, *pieces: bytes, trailers: Fields | None = None) -> bytes:
    views = [memoryview(piece) for piece in pieces]
    some = b"".join(encode_body(framing, views, None))
    return some + b"".join(encode_body(framing, [], trailers or Fields.of()))


def test_bodies_are_written_in_their_framing() -> None:
    assert written(Framing.LENGTH, b"a", b"bc") == b"abc"
    assert written(Framing.UNTIL_CLOSE, b"a", b"bc") == b"abc"
    assert written(Framing.CHUNKED, b"a", b"b" * 16) == (
        b"1\r\na\r\n10\r\n" + b"b" * 16 + b"\r\n0\r\n\r\n"
    )
    assert written(Framing.NONE) == b""


def test_data_for_a_message_without_a_body_is_a_bug() -> None:
    with pytest.raises(LocalProtocolError):
        written(Framing.NONE, b"a")


def test_trailers_are_written_after_chunks_only() -> None:
    trailers = Fields.of((b"X-Sum", b"42"), (b"Content-Length", b"3"), (b"Host", b"b"))
    assert written(Framing.CHUNKED, trailers=trailers) == b"0\r\nX-Sum: 42\r\n\r\n"
    assert written(Framing.LENGTH, b"a", trailers=trailers) == b"a"


# Against h11, which knows the grammar too and was written by others.

line = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"", b"\r\n\r\n"])
size = st.sampled_from([b"", b"0", b"00", b" ", b";a=b", b"; a", b"g", b"+", b"-", b"0x", b"\0"])
chunk = st.builds(
    lambda data, odd, cut, first, second: (
        b"%x%b%b%b%b" % (len(data), odd, first, data[cut:], second)
    ),
    st.binary(min_size=1, max_size=20),
    st.one_of(st.just(b""), size),
    st.sampled_from([0] * 8 + [1]),
    line,
    line,
)
trailer = st.sampled_from([b"", b"A: b\r\n", b"A:\r\n", b"A : b\r\n", b"A\r\n", b"A: b\r\n c\r\n"])
stream = st.builds(
    lambda chunks, zero, end, trailers, last: b"".join((*chunks, zero, end, *trailers, last)),
    st.lists(chunk, max_size=4),
    st.sampled_from([b"0"] * 6 + [b"000", b"", b"0;x", b"0 "]),
    line,
    st.lists(trailer, max_size=2),
    line,
)


def read_by_h11(data: bytes) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    """Return the body, the trailers and the rest; raises where h11 does or wants more."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.receive_data(data)
    body = b""
    while True:
        event = connection.next_event()
        assert event is not h11.NEED_DATA
        if isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return body, list(event.headers), connection.trailing_data[0]


@given(st.lists(st.binary(min_size=1), max_size=5))
def test_h11_reads_what_is_written(pieces: list[bytes]) -> None:
    data = written(Framing.CHUNKED, *pieces, trailers=Fields.of((b"x-sum", b"42")))
    assert read_by_h11(data) == (b"".join(pieces), [(b"x-sum", b"42")], b"")


@given(stream, st.binary(max_size=5))
def test_whatever_is_accepted_means_the_same_to_h11(data: bytes, rest: bytes) -> None:
    reader = ChunkedReader()
    try:
        body, left = read(reader, data + rest)
    except RemoteProtocolError:
        return
    if reader.done:
        trailers = [(name.lower(), value) for name, value in reader.trailers.pairs()]
        assert read_by_h11(data + rest) == (body, trailers, left)


@given(st.one_of(stream, st.binary()))
def test_one_octet_at_a_time_is_all_at_once(data: bytes) -> None:
    assert outcome([data]) == outcome(one_by_one(data))


def outcome(parts: list[bytes]) -> object:
    reader = ChunkedReader()
    try:
        return read(reader, *parts), reader.done, reader.trailers
    except RemoteProtocolError as error:
        return error.status
