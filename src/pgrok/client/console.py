"""What a person, or a script, sees of a running tunnel.

Pure but for the clock of the request log: lines go to whoever is given as `put`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from pgrok.errors import PgrokError
from pgrok.protocol import GOING_AWAY
from pgrok.text import printable

LONGEST_PATH = 200
"""Characters of a request's path that are shown."""

_ALTERNATIVE = re.compile(r"https?://[0-9a-f]{32}-([A-Za-z0-9_-]+)\.")
"""The URL that a further tunnel of the same person gets, and their name in it."""

_RESET = "\x1b[0m"
_COLOURS = {1: "\x1b[36m", 2: "\x1b[32m", 3: "\x1b[36m", 4: "\x1b[33m", 5: "\x1b[31m"}


class Put(Protocol):
    """Takes a line without its line break; one that is droppable may be missed."""

    def __call__(self, line: str, droppable: bool = False, /) -> None:
        """Take it, without blocking."""


class Console:
    """Says how the tunnel fares, one idea a line."""

    def __init__(self, put: Put, *, remote: str, colour: bool = False) -> None:
        self._put = put
        self._remote = remote
        self._colour = colour
        self._second = 0
        self._clock = ""

    def connecting(self) -> None:
        """The first attempt begins."""
        # Scripts cut the URL between the first "://" and the first "!" of all that is printed.
        self._put(f"Connecting to {self._remote}")

    def ready(self, url: str) -> None:
        """Print the line that scripts wait for: unstyled, on one line, to the letter.

        After it comes why the address is not that of the person's name, if it is not.
        """
        self._put(f"🎉 You're ready to go live at {url}! remote={self._remote}")
        if found := _ALTERNATIVE.match(url):
            self._put(
                f"The name {found[1]} is in use by another tunnel of yours: "
                "this address is the one for this process"
            )

    def waiting(self, reason: PgrokError, seconds: float) -> None:
        """Say why there is no tunnel and when the next attempt comes."""
        text = "the server restarts" if str(reason) == GOING_AWAY else str(reason)
        first_line = printable(text.partition("\n")[0]).rstrip(".")
        self._put(f"Not connected: {first_line}. Trying again in {duration(seconds)}")

    def request(self, method: bytes, target: bytes, status: int, seconds: float, /) -> None:
        """Log a request that was forwarded: a `LogRequest`."""
        second = int(time.time())
        if second != self._second:
            self._second, self._clock = second, time.strftime("%H:%M:%S", time.localtime(second))
        line = request_line(method, target, status, seconds, self._clock, self._colour)
        self._put(line, True)


def wants_colour(*, terminal: bool, environ: Mapping[str, str]) -> bool:
    """Whether lines may be coloured: on a terminal that can, unless `NO_COLOR` is set."""
    return terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def request_line(
    method: bytes, target: bytes, status: int, seconds: float, clock: str, colour: bool
) -> str:
    """Return the line of the request log: time, method, status, duration, path.

    The query is left out, as it may hold secrets, and whatever a terminal would obey.
    """
    outcome, path = _shown(method, target, status, colour)
    return f"{clock}  {outcome}  {_took(round(seconds * 1000))}  {path}"


@lru_cache(maxsize=256)
def _shown(method: bytes, target: bytes, status: int, colour: bool) -> tuple[str, str]:
    """Return method and status, and the path, as they stand in a line of the request log."""
    path = _legible(target.partition(b"?")[0])
    if len(path) > LONGEST_PATH:
        path = f"{path[: LONGEST_PATH - 1]}…"
    shown = f"{status:>3}" if status else "---"
    if colour and (style := _COLOURS.get(status // 100)):
        shown = f"{style}{shown}{_RESET}"
    return f"{_legible(method)[:10]:<7} {shown}", path


@lru_cache(maxsize=1024)
def _took(milliseconds: int) -> str:
    """Return a duration as it stands in a line of the request log."""
    return f"{duration(milliseconds / 1000):>10}"


def _legible(octets: bytes) -> str:
    return printable(octets.decode("utf-8", "replace"))


def duration(seconds: float) -> str:
    """Return a duration as people write it: `12 ms`, `1.2 s`, `3 min 05 s`, `2 h 00 min`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
