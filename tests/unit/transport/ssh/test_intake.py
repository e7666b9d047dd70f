from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from pgrok.transport.ssh.framing import plain_packet, sealed_octets
from pgrok.transport.ssh.gcm import LENGTH, TAG
from pgrok.transport.ssh.intake import READ_AT_ONCE, Intake
from pgrok.transport.window import MAX_PACKET


class Reader:
    """Stands for an SSH connection, and notes what it is told."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def received(self, data: memoryview) -> None:
        self.events.append(bytes(data))

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")

    def eof_received(self) -> None:
        self.events.append("eof")

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append(exc)


def read(intake: Intake, data: bytes) -> None:
    intake.get_buffer(-1)[: len(data)] = data
    intake.buffer_updated(len(data))


def test_what_is_read_is_taken_where_it_lies() -> None:
    one, other = Reader(), Reader()
    first, second = Intake(one), Intake(other)
    read(first, b"for one")
    read(second, b"the other")
    read(first, b"!")
    assert one.events == [b"for one", b"!"]
    assert other.events == [b"the other"]
    assert first.get_buffer(-1) is second.get_buffer(-1)


def test_loops_in_other_threads_read_elsewhere() -> None:
    here = Intake(Reader()).get_buffer(-1)
    with ThreadPoolExecutor(1) as thread:
        there = thread.submit(lambda: Intake(Reader()).get_buffer(-1)).result()
    assert there is not here


def test_what_else_happens_to_the_socket_is_passed_on() -> None:
    reader, lost = Reader(), ConnectionError()
    intake = Intake(reader)
    intake.pause_writing()
    intake.resume_writing()
    intake.eof_received()
    intake.connection_lost(lost)
    assert reader.events == ["pause", "resume", "eof", lost]


@pytest.mark.parametrize("data", [0, 1, 5, 6, 21, 22, 32_768, MAX_PACKET])
def test_a_packet_has_so_many_octets_on_the_wire(data: int) -> None:
    packet = plain_packet(94, 0, data, bytes(data))
    assert sealed_octets(data) == LENGTH + len(packet) + TAG


def test_two_of_the_largest_packets_are_one_read() -> None:
    packet = plain_packet(94, 0, MAX_PACKET, bytes(MAX_PACKET))
    assert 2 * (LENGTH + len(packet) + TAG) == READ_AT_ONCE
