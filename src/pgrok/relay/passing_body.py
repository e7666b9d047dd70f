"""A large body that goes from one transport to the other, past the reader of its message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pgrok.http.reader import MessageReader
from pgrok.reading import LARGE_READ, DataReader, Lender, ReadElsewhere, ReadInPlace


def pass_body(
    source: asyncio.Transport,
    reader: DataReader,
    message: MessageReader[Any],
    target: asyncio.Transport,
    passed: Callable[[], None],
) -> bool:
    """Let the rest of a body of known length go to `target`, if much of it is to come.

    Returns whether it does: `message` only counts it then, and `passed` is called after each part.
    When nothing is left, or the body goes nowhere any more, `reader` has to become the protocol of
    `source` again.
    """
    if message.body_left < LARGE_READ:
        return False
    if isinstance(target, Lender):
        source.set_protocol(_into_packets(reader, message, target, passed))
    else:
        source.set_protocol(_as_it_comes(reader, message, target, passed))
    return True


def _into_packets(
    reader: DataReader, message: MessageReader[Any], target: Lender, passed: Callable[[], None]
) -> ReadInPlace:
    """Return what reads a socket: no further than to the end of the body."""

    def room(_sizehint: int) -> memoryview:
        return target.lend()[: message.body_left]

    def take(octets: int) -> None:
        message.pass_by(octets)
        target.write_lent(octets)
        passed()

    return ReadInPlace(reader, room, take)


def _as_it_comes(
    reader: DataReader,
    message: MessageReader[Any],
    target: asyncio.Transport,
    passed: Callable[[], None],
) -> ReadElsewhere:
    """Return what reads a channel: where it gives more than the body, the reader looks at it."""

    def take(data: bytes) -> None:
        if len(data) > message.body_left:
            reader.data_received(data)
            return
        message.pass_by(len(data))
        target.write(data)
        passed()

    return ReadElsewhere(reader, take)
