"""Heads of exactly the limit, through both ends: what one of them takes, the other takes too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pgrok.http.head import MAX_HEAD_BYTES, MAX_HEAD_LINES
from support.public import HOST, Application, send, tunnel_to
from support.relay import status

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: " + HOST + b"\r\nConnection:close\r\nTE:trailers\r\n"
    b"X-Forwarded-Host:" + b"h" * 255 + b"\r\nX-Forwarded-For:192.0.2.7\r\n\r\n"
)
RESPONSE = b"HTTP/1.1 200\r\nX: y\r\n\r\n"


def octets(head: bytes, more: int = 0) -> bytes:
    """Return a head like `head` with as many octets as one may have, and so many more."""
    line = b"X: " + b"y" * (MAX_HEAD_BYTES + more - len(head) - 5) + b"\r\n"
    return head[:-2] + line + b"\r\n"


def lines(head: bytes, more: int = 0) -> bytes:
    """Return a head like `head` with as many lines as one may have, and so many more."""
    missing = MAX_HEAD_LINES + more - (head.count(b"\r\n") - 1)
    return head[:-2] + b"X: y\r\n" * missing + b"\r\n"


class Answering(Application):
    """Answers a head with another one, until the connection ends."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._asked = b""

    def data_received(self, data: bytes) -> None:
        self._asked += data
        if self._asked.endswith(b"\r\n\r\n"):
            self.transport.write(self._answer)
            self.transport.close()


async def answered(database: str, request: bytes, answer: bytes) -> int:
    """Return the status that a visitor gets who sends `request` to who answers `answer`."""
    async with tunnel_to(lambda: Answering(answer), database) as port:
        return status(await send(port, [request]))


@pytest.mark.parametrize("largest", [octets, lines])
@pytest.mark.parametrize(("more", "expected"), [(0, 200), (1, 431)])
async def test_a_request_that_the_server_takes_gets_to_the_application(
    largest: Callable[..., bytes], more: int, expected: int, database: str
) -> None:
    assert await answered(database, largest(REQUEST, more), RESPONSE) == expected


@pytest.mark.parametrize("largest", [octets, lines])
@pytest.mark.parametrize(("more", "expected"), [(0, 200), (1, 502)])
async def test_a_response_that_the_client_takes_gets_to_the_visitor(
    largest: Callable[..., bytes], more: int, expected: int, database: str
) -> None:
    assert await answered(database, REQUEST, largest(RESPONSE, more)) == expected
