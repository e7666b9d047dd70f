"""A visitor who minds every byte."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from support.ports import LOOPBACK
from support.visitor import TIMEOUT, port_of


class Wire:
    """A TCP connection to the server of a public URL."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc
        self._socket = socket.create_connection((LOOPBACK, port_of(url)), timeout=TIMEOUT)
        self._received = bytearray()

    def request(self, method: str, target: str, *fields: str) -> None:
        """Send a head; `fields` are whole lines."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}", *fields, "", ""]
        self.send("\r\n".join(lines).encode())

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def read_until(self, marker: bytes) -> bytes:
        """Return what comes up to and with `marker`; fail if the connection ends before it."""
        while marker not in self._received:
            data = self._socket.recv(65536)
            assert data, f"ended before {marker!r}: {bytes(self._received[-500:])!r}"
            self._received += data
        end = self._received.index(marker) + len(marker)
        taken = bytes(self._received[:end])
        del self._received[:end]
        return taken

    def read_to_end(self) -> bytes:
        """Return all that comes until the server closes the connection."""
        while data := self._socket.recv(65536):
            self._received += data
        return bytes(self._received)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()
