"""Visitors who are in the midst of something when a fault comes, and what they get then."""

from __future__ import annotations

import contextlib
import re
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from support.mortal import PART, Mortal
from support.ports import LOOPBACK
from support.processes import PATIENCE
from support.visitor import port_of

UPLOAD = 10_000_000


@dataclass(frozen=True)
class Stage:
    """How to get there: what a visitor sends, what comes back, what the application has got."""

    request: bytes
    answered: int = 0
    got: str = ""
    stream: bool = False


def _ask(line: str, *fields: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: {host}", *fields, "", ""]).encode()


STAGES = {
    "request": Stage(_ask("POST /mute", "Content-Length: 0"), got="/mute"),
    "upload": Stage(_ask("POST /mute", f"Content-Length: {UPLOAD}") + bytes(PART), got="/mute"),
    "response": Stage(_ask("GET /promised"), answered=PART),
    "response in chunks": Stage(_ask("GET /chunked"), answered=PART),
    "response until the end": Stage(_ask("GET /unsized"), answered=PART),
    "websocket": Stage(
        _ask("GET /chat", "Connection: Upgrade", "Upgrade: websocket") + b"ping", answered=20
    ),
    "stream": Stage(b"ping", answered=4, stream=True),
}
"""A POST is nobody's to send twice; a GET would be asked of the next tunnel."""

ASKED = {"http": Stage(_ask("GET /")), "tcp": Stage(b"as ever")}
"""Visitors who have asked for what comes at once, unless there is a fault."""


@dataclass(frozen=True)
class Outcome:
    """All that a visitor got, and how it ended."""

    received: bytes
    was_reset: bool

    @property
    def error(self) -> str:
        """The status and code of an answer of ours, or nothing."""
        found = re.match(rb"HTTP/1.1 (\d+).*?\r\nX-Pgrok-Error: (\S+)", self.received, re.DOTALL)
        return b" ".join(found.groups()).decode() if found else ""

    @property
    def is_cut(self) -> bool:
        """Whether a visitor who knows HTTP sees that there is something missing."""
        return self.was_reset or (b"HTTP/1.1 200" in self.received and not _is_whole(self.received))


class Midst:
    """A visitor who has come to a stage."""

    def __init__(self, url: str, stage: str, target: Mortal | None = None) -> None:
        """Be there when this returns; `target` is the application, if it is one to ask."""
        what = STAGES.get(stage) or ASKED[stage]
        self._socket = socket.create_connection((LOOPBACK, port_of(url)), timeout=PATIENCE)
        before = target.output.count(f"got {what.got}\n") if target else 0
        self._socket.sendall(what.request.replace(b"{host}", urlsplit(url).netloc.encode()))
        self._received = bytearray()
        while len(self._received) < what.answered:
            data = self._socket.recv(65536)
            assert data, f"ended before it began: {bytes(self._received)!r}"
            self._received += data
        if what.got and target:
            target.wait_for(f"^got {what.got}$", count=before + 1)

    def send(self, data: bytes) -> None:
        """Go on with it."""
        self._socket.sendall(data)

    def read_until(self, marker: bytes) -> None:
        """Read on until that has come."""
        while marker not in self._received:
            data = self._socket.recv(65536)
            assert data, f"ended before {marker!r}: {bytes(self._received[-500:])!r}"
            self._received += data

    def outcome(self, timeout: float = PATIENCE) -> Outcome:
        """Wait for its end, or a whole response; it has to come within so many seconds."""
        self._socket.settimeout(timeout)
        try:
            while not _is_whole(self._received) and (data := self._socket.recv(65536)):
                self._received += data
        except ConnectionError:
            return Outcome(bytes(self._received), was_reset=True)
        return Outcome(bytes(self._received), was_reset=False)

    def leave(self) -> None:
        """Go away."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()


def _is_whole(received: bytes | bytearray) -> bool:
    """Whether that is a response with the end that its head says."""
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    if length:
        return len(body) >= int(length[1])
    return bool(end) and b"chunked" in head and body.endswith(b"\r\n0\r\n\r\n")
