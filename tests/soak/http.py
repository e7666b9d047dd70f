"""A visitor's HTTP connection, strict about what comes back (h11)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress

import h11

from pgrok.http.pages import Code
from soak.ends import Refused, Unanswered, Wrong, before_an_answer
from support.ports import LOOPBACK

OURS = {502, 503, 504}
"""Statuses with which the server says that there was no answer to have."""


class Connection:
    """One connection to a tunnel's public host; requests follow one another on it."""

    def __init__(
        self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader, self.writer = reader, writer
        self.stood = time.monotonic()
        """When it was known to stand: at its start, and at the end of each answer."""
        self._host = host
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, host: str, port: int) -> Connection:
        """Connect to the public front."""
        with before_an_answer():
            return cls(host, *await asyncio.open_connection(LOOPBACK, port))

    @property
    def kept(self) -> bool:
        """Whether another request may be sent on it."""
        return self._http.our_state is h11.IDLE and not self.writer.is_closing()

    async def ask(self, target: str, *, status: int = 200) -> AsyncIterator[bytes]:
        """Send a GET and yield the body of its answer, which has to have that status."""
        self._start("GET", target, [])
        self._send(h11.EndOfMessage())
        await self._answer(status)
        async for data in self.body():
            yield data

    async def upload(
        self, target: str, body: Iterable[bytes], length: int | None, *, status: int = 200
    ) -> bytes:
        """Send a POST, in chunks if there is no length, and return the body of its answer.

        The answer may come while the body is still on its way.
        """
        framing = ("Transfer-Encoding", "chunked") if length is None else _length(length)
        self._start("POST", target, [framing])
        async with _meanwhile(self._send_body(body)):
            await self._answer(status)
            return b"".join([data async for data in self.body()])

    def begin_upload(self, target: str, length: int, body: bytes) -> None:
        """Send the head of a POST and a part of its body."""
        self._start("POST", target, [_length(length)])
        self._send(h11.Data(data=body))

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the rest of the answer's body; after it the connection may be used again."""
        while True:
            event = await self._event()
            if isinstance(event, h11.EndOfMessage):
                break
            assert isinstance(event, h11.Data), event
            yield bytes(event.data)
        self.stood = time.monotonic()
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.writer.close()

    def abort(self) -> None:
        """Go away without a goodbye."""
        self.writer.transport.abort()

    def _start(self, method: str, target: str, fields: list[tuple[str, str]]) -> None:
        fields = [("Host", self._host), ("Accept", "*/*"), *fields]
        self._send(h11.Request(method=method, target=target, headers=fields))

    def _send(self, event: h11.Event) -> None:
        self.writer.write(self._http.send(event) or b"")

    async def _send_body(self, body: Iterable[bytes]) -> None:
        # Who does not want the rest resets the connection; the answer says what happened.
        with suppress(ConnectionError):
            for data in body:
                self._send(h11.Data(data=data))
                await self.writer.drain()
            self._send(h11.EndOfMessage())

    async def _answer(self, status: int) -> None:
        """Take the head of the answer; raise `Refused` or `Wrong` for another than expected."""
        with before_an_answer():
            event = await self._event()
            while isinstance(event, h11.InformationalResponse):
                event = await self._event()
        if isinstance(event, h11.ConnectionClosed):
            raise Unanswered("closed")
        assert isinstance(event, h11.Response), event
        if event.status_code != status:
            code = dict(event.headers).get(b"x-pgrok-error", b"").decode()
            raise refusal(event.status_code, code)

    async def _event(self) -> h11.Event:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self.reader.read(65536))
        assert not isinstance(event, type), event
        return event


def refusal(status: int, code: str) -> Exception:
    """Return what to raise for a status that was not expected, with that `X-Pgrok-Error`."""
    if status in OURS and code in set(Code):
        return Refused(status, Code(code))
    return Wrong(f"status {status} with X-Pgrok-Error {code or 'missing'}")


def _length(length: int) -> tuple[str, str]:
    return "Content-Length", str(length)


@asynccontextmanager
async def _meanwhile(sending: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do something until the body is done."""
    task = asyncio.create_task(sending)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
