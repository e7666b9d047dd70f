"""What a visitor's program does: requests to a public URL, on loopback whatever its host."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from support.ports import LOOPBACK

TIMEOUT = 20.0

Body = bytes | Iterable[bytes] | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    fields: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def connect(url: str, timeout: float = TIMEOUT) -> http.client.HTTPConnection:
    """Return a connection to whoever serves `url`; it is up to the caller to send its Host."""
    return http.client.HTTPConnection(LOOPBACK, port_of(url), timeout=timeout)


def port_of(url: str) -> int:
    """Return the port that a URL names."""
    port = urlsplit(url).port
    assert port, url
    return port


def send(
    connection: http.client.HTTPConnection,
    url: str,
    method: str = "GET",
    *,
    body: Body = None,
    fields: Mapping[str, str] | None = None,
) -> http.client.HTTPResponse:
    """Send a request for `url` on a connection and return the response at its head."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"Host": parts.netloc, **(fields or {})}
    connection.request(method, target, body=body, headers=sent)
    return connection.getresponse()


def visit(
    url: str, method: str = "GET", *, body: Body = None, fields: Mapping[str, str] | None = None
) -> Answer:
    """Send one request on a connection of its own and read the whole response."""
    connection = connect(url)
    try:
        response = send(connection, url, method, body=body, fields=fields)
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def talk(port: int, data: bytes, *, half_close: bool = True) -> bytes:
    """Send bytes to a TCP port, end the sending side, and return all that comes back."""
    with socket.create_connection((LOOPBACK, port), timeout=TIMEOUT) as conn:
        conn.sendall(data)
        if half_close:
            conn.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: conn.recv(65536), b""))


def echo(port: int, data: bytes) -> bytes:
    """Send bytes to a TCP port and return as many as come back before closing."""
    with socket.create_connection((LOOPBACK, port), timeout=TIMEOUT) as conn:
        conn.sendall(data)
        received = bytearray()
        while len(received) < len(data) and (piece := conn.recv(65536)):
            received += piece
        return bytes(received)
