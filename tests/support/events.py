"""What a reader makes of bytes, in a form that two readers can be compared by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from pgrok.errors import RemoteProtocolError
from pgrok.http.fields import Fields
from pgrok.http.head import FROM_ANYBODY, HeadLimits, RequestHead, ResponseHead
from pgrok.http.reader import Body, MessageReader, request_reader, response_reader

HeadT = TypeVar("HeadT", RequestHead, ResponseHead)

Outcome = list[RequestHead | ResponseHead | bytes | Fields | int]
"""Heads, the octets of each body in one piece, the trailers that ended it; at last the status
with which the rest was refused."""


# Parts that are whole messages are taken as such: those who compare them with others, cut
# elsewhere, compare both ways to read.


def read_requests(
    parts: Iterable[bytes], *, eof: bool = False, limits: HeadLimits = FROM_ANYBODY
) -> Outcome:
    """Read requests, each as soon as the one before is over."""
    reader = request_reader(limits)
    reader.expect()
    return _read(reader, parts, eof=eof, again=True)


def read_response(
    parts: Iterable[bytes],
    *,
    method: bytes = b"GET",
    eof: bool = False,
    limits: HeadLimits = FROM_ANYBODY,
) -> Outcome:
    """Read one response to a request with `method`, and those before it that are interim."""
    reader = response_reader(limits)
    reader.expect(method)
    return _read(reader, parts, eof=eof, again=False)


def one_by_one(data: bytes) -> list[bytes]:
    """Return the octets of `data`, each on its own."""
    return [data[at : at + 1] for at in range(len(data))]


def cuts(data: bytes) -> Iterable[list[bytes]]:
    """Yield `data` whole, cut in two at every octet, and in single octets."""
    for at in range(len(data)):
        yield [data[:at], data[at:]]
    yield one_by_one(data)


def _read(
    reader: MessageReader[HeadT], parts: Iterable[bytes], *, eof: bool, again: bool
) -> Outcome:
    outcome: Outcome = []
    try:
        for part in parts:
            if head := reader.whole(part):
                _add_whole(head, part[head.octets :], outcome)
                if again:
                    reader.expect()
            elif part:
                reader.receive(part)
                _take_events(reader, outcome, again=again)
        if eof:
            reader.receive_eof()
            _take_events(reader, outcome, again=again)
    except RemoteProtocolError as error:
        outcome.append(error.status)
    return outcome


def _add_whole(head: RequestHead | ResponseHead, body: bytes, outcome: Outcome) -> None:
    outcome.append(head)
    if body:
        outcome.append(body)
    outcome.append(Fields.of())


def _take_events(reader: MessageReader[HeadT], outcome: Outcome, *, again: bool) -> None:
    while (event := reader.next_event()) is not None:
        if isinstance(event, Body):
            _add_body(event, outcome)
        else:
            outcome.append(event)
        if not reader.awaits_message:
            if not isinstance(event, Body):
                outcome.append(Fields.of())
            if again:
                reader.expect()


def _add_body(body: Body, outcome: Outcome) -> None:
    if body.pieces:
        before = outcome.pop() if outcome and isinstance(outcome[-1], bytes) else b""
        assert isinstance(before, bytes)
        outcome.append(before + b"".join(body.pieces))
    if body.trailers is not None:
        outcome.append(body.trailers)
