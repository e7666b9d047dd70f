"""What the terminal shows."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pgrok.client.console import Console, duration, request_line, wants_colour
from pgrok.errors import ConnectionLost, ServerUnreachable
from pgrok.protocol import GOING_AWAY


class Screen:
    """Keeps the lines, and which of them may be missed."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.droppable: list[bool] = []

    def __call__(self, line: str, droppable: bool = False, /) -> None:
        self.lines.append(line)
        self.droppable.append(droppable)


def line(
    path: bytes | str = "/", status: int = 200, seconds: float = 0.012, method: bytes = b"GET"
) -> str:
    path = path.encode() if isinstance(path, str) else path
    return request_line(method, path, status, seconds, "12:34:56", False)


def test_the_line_that_scripts_wait_for() -> None:
    screen = Screen()
    console = Console(screen, remote="example.com:2222", colour=True)
    console.connecting()
    console.ready("http://alice.example.com")
    assert screen.lines[-1] == (
        "🎉 You're ready to go live at http://alice.example.com! remote=example.com:2222"
    )
    printed = "\n".join(screen.lines)
    assert printed.split("://")[1].split("!")[0] == "alice.example.com"
    assert printed.index("!") > printed.index("://")
    assert screen.droppable == [False, False]


@pytest.mark.parametrize("url", ["https://{}-bob-2.example.com", "http://{}-bob-2.localhost:7070"])
def test_a_name_that_is_in_use_is_told_after_the_line_that_scripts_wait_for(url: str) -> None:
    screen = Screen()
    url = url.format("0123456789abcdef" * 2)
    Console(screen, remote="r").ready(url)
    ready, why = screen.lines
    assert ready == f"🎉 You're ready to go live at {url}! remote=r"
    assert why.startswith("The name bob-2 is in use by another tunnel of yours")
    assert "://" not in why
    assert "!" not in why
    assert why.isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "http://bob.example.com",
        "http://0123456789abcdef-bob.example.com",
        "tcp://example.com:10000",
        f"tcp://{'a' * 32}-bob.example.com:10000",
        f"http://{'a' * 32}-bob!.example.com",
        f"http://{'a' * 32}-http://x.example.com",
        f"http://{'a' * 32}.example.com",
    ],
)
def test_nothing_is_told_of_any_other_name(url: str) -> None:
    screen = Screen()
    Console(screen, remote="r").ready(url)
    assert len(screen.lines) == 1


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (ConnectionLost("reset\nsecond line"), "Not connected: reset. Trying again in 1.5 s"),
        (ServerUnreachable("x refused."), "Not connected: x refused. Trying again in 1.5 s"),
        (
            ServerUnreachable(GOING_AWAY),
            "Not connected: the server restarts. Trying again in 1.5 s",
        ),
        (ConnectionLost("\x1b[2Jx"), "Not connected: �[2Jx. Trying again in 1.5 s"),
    ],
)
def test_a_pause_is_told_with_its_reason(reason: ConnectionLost, text: str) -> None:
    screen = Screen()
    Console(screen, remote="r").waiting(reason, 1.5)
    assert screen.lines == [text]


def test_a_request_is_logged_and_may_be_missed() -> None:
    screen = Screen()
    Console(screen, remote="r").request(b"GET", b"/x", 200, 0.5)
    assert re.fullmatch(r"\d\d:\d\d:\d\d  GET     200      500 ms  /x", screen.lines[0])
    assert screen.droppable == [True]


def test_requests_stand_in_columns() -> None:
    lines = [
        line("/a"),
        line("/b", 404, 12.3, b"DELETE"),
        line("/c", 0, 100.0, b"OPTIONS"),
        line("/d", 101, 7200),
    ]
    assert lines == [
        "12:34:56  GET     200       12 ms  /a",
        "12:34:56  DELETE  404      12.3 s  /b",
        "12:34:56  OPTIONS ---  1 min 40 s  /c",
        "12:34:56  GET     101  2 h 00 min  /d",
    ]


def test_the_query_is_not_logged() -> None:
    assert "s3cret" not in line("/callback?token=s3cret")


def test_a_long_path_is_cut() -> None:
    assert line("/" + "a" * 500).endswith("a…")
    assert len(line("/" + "a" * 5000)) < 300


def test_only_the_status_is_coloured() -> None:
    plain, coloured = (
        request_line(b"GET", b"/x", 500, 0.1, "now", colour) for colour in (False, True)
    )
    assert coloured == plain.replace("500", "\x1b[31m500\x1b[0m")


@pytest.mark.parametrize(
    ("terminal", "environ", "expected"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colour(terminal: bool, environ: dict[str, str], expected: bool) -> None:
    assert wants_colour(terminal=terminal, environ=environ) is expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0124, "12 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3660, "1 h 01 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@example(b"GET\x1b[2J", b"/\x1b]0;title\x07\r\n", 200, 0.1)
@given(st.binary(), st.binary(), st.integers(0, 999), st.floats(0, 1e6))
def test_a_request_is_one_printable_line(
    method: bytes, path: bytes, status: int, seconds: float
) -> None:
    assert line(path, status, seconds, method).isprintable()
