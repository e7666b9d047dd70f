"""Lines for a reader who may be slow, or gone."""

from __future__ import annotations

import threading

from pgrok.lines import LineWriter

SOON = 10.0


class Reader:
    """Takes what is written, `portion` bytes at a time, while its gate is open."""

    def __init__(self, portion: int = 1 << 20) -> None:
        self.portion = portion
        self.gate = threading.Event()
        self.gate.set()
        self.reached = threading.Event()
        self.data = b""

    def write(self, view: memoryview) -> int:
        self.reached.set()
        self.gate.wait(SOON)
        part = bytes(view[: self.portion])
        self.data += part
        return len(part)

    @property
    def lines(self) -> list[str]:
        return self.data.decode().splitlines()


def test_lines_come_in_their_order_and_whole() -> None:
    reader = Reader(portion=3)
    lines = LineWriter(reader.write)
    for number in range(100):
        lines.put(f"🎉 {number}")
    lines.close(SOON)
    assert reader.lines == [f"🎉 {number}" for number in range(100)]
    assert reader.data.endswith(b"\n")


def test_a_reader_who_stops_holds_up_nobody_and_gets_what_matters() -> None:
    reader = Reader()
    reader.gate.clear()
    lines = LineWriter(reader.write, limit=3)
    lines.put("first")
    assert reader.reached.wait(SOON)
    for number in range(10):
        lines.put(f"request {number}", True)
    lines.put("ready")
    reader.gate.set()
    lines.close(SOON)
    assert reader.lines == [
        "first",
        "request 0",
        "request 1",
        "request 2",
        "ready",
        "(7 lines left out: the output is read too slowly)",
    ]


def test_what_waits_is_bounded_whatever_it_is() -> None:
    reader = Reader()
    reader.gate.clear()
    lines = LineWriter(reader.write, limit=3)
    lines.put("first")
    assert reader.reached.wait(SOON)
    for number in range(1000):
        lines.put(str(number))
    reader.gate.set()
    lines.close(SOON)
    assert len(reader.lines) == 1 + 6 + 1


def test_the_end_does_not_wait_for_a_reader_who_stopped() -> None:
    reader = Reader()
    reader.gate.clear()
    lines = LineWriter(reader.write)
    lines.put("never read")
    lines.close(0)
    assert reader.lines == []
    reader.gate.set()


def test_a_reader_who_is_gone_is_no_error() -> None:
    written = threading.Event()

    def write(view: memoryview) -> int:
        written.set()
        raise BrokenPipeError

    lines = LineWriter(write)
    lines.put("one")
    assert written.wait(SOON)
    for number in range(10_000):
        lines.put(str(number))
    lines.close(SOON)


def test_a_full_pipe_that_does_not_block_is_tried_again() -> None:
    answers: list[int | None] = [None, 2]
    written = []

    def write(view: memoryview) -> int | None:
        answer = answers.pop(0) if answers else len(view)
        written.append(bytes(view[: answer or 0]))
        return answer

    lines = LineWriter(write)
    lines.put("four")
    lines.close(SOON)
    assert b"".join(written) == b"four\n"
