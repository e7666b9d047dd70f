from __future__ import annotations

import asyncio

import pytest

from pgrok.reading import ReadElsewhere, ReadInPlace


class Reader:
    """An ordinary protocol, which notes what it is told."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")

    def eof_received(self) -> bool:
        self.events.append("eof")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append(exc)


def test_a_socket_is_read_in_place() -> None:
    room, taken = memoryview(bytearray(8)), list[bytes]()
    protocol = ReadInPlace(
        Reader(), lambda _: room, lambda octets: taken.append(bytes(room[:octets]))
    )
    assert isinstance(protocol, asyncio.BufferedProtocol)
    assert protocol.get_buffer(-1) is room
    room[:2] = b"hi"
    protocol.buffer_updated(2)
    assert taken == [b"hi"]


def test_what_is_read_goes_elsewhere() -> None:
    taken: list[bytes] = []
    protocol = ReadElsewhere(Reader(), taken.append)
    assert isinstance(protocol, asyncio.Protocol)
    protocol.data_received(b"hi")
    assert taken == [b"hi"]


@pytest.mark.parametrize("in_place", [True, False])
def test_whatever_else_happens_is_told_to_its_reader(in_place: bool) -> None:
    reader, lost = Reader(), ConnectionError()
    protocol = (
        ReadInPlace(reader, lambda _: memoryview(bytearray(1)), print)
        if in_place
        else ReadElsewhere(reader, print)
    )
    protocol.pause_writing()
    protocol.resume_writing()
    assert protocol.eof_received()
    protocol.connection_lost(lost)
    assert reader.events == ["pause", "resume", "eof", lost]
