"""The fast path beside asyncssh's own code: whatever arrives, the same comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from asyncssh import constants as ssh
from asyncssh.encryption import Encryption
from asyncssh.packet import Boolean, Byte, String, UInt32
from hypothesis import given, settings
from hypothesis import strategies as st

from pgrok.transport.ssh.client import ClientConnection
from pgrok.transport.ssh.liveness import ANSWER, QUESTION
from pgrok.transport.window import INITIAL_WINDOW
from support.channels import Noting
from support.conditions import until
from support.payload import payload
from support.replay import (
    Keys,
    Outcome,
    Recorder,
    Replay,
    given_to_asyncssh,
    padded,
    renewed,
    replayed_client,
    replayed_server,
    sealed,
    sealed_by,
)
from support.transport import Opener, channels, serving


@dataclass(frozen=True)
class Recording:
    """What both ends of a connection sent after it stood."""

    to_client: bytes
    client_keys: Keys
    to_server: bytes
    server_keys: Keys
    channels: int

    def stream(self, side: str) -> bytes:
        return self.to_client if side == "client" else self.to_server

    def replay(self, side: str, *, fast: bool) -> Replay:
        if side == "client":
            replay = replayed_client(self.client_keys, fast=fast)
        else:
            replay = replayed_server(self.server_keys, self.channels, fast=fast)
        replay.expect_answers(10)
        return replay


async def record(length: int, count: int) -> Recording:
    """Record a connection whose channels carry so many octets each way, and what else there is."""
    async with serving() as served, channels(served) as (opener, acceptor, connection):
        server, client = Recorder(opener.connection), Recorder(connection)
        nears = [await opener.open() for _ in range(count)]
        await say_all_but_data(opener, connection)
        for number, (near, far) in enumerate(zip(nears, acceptor.protocols, strict=True)):
            await talk(near, far, payload(length, number))
        for near in nears:
            assert near.transport
            near.transport.close()
        await until(lambda: not opener.connection._channels and not connection._channels)
        return Recording(server.stream, server.keys, client.stream, client.keys, count)


async def talk(near: Noting, far: Noting, data: bytes) -> None:
    assert near.transport
    assert far.transport
    near.transport.write(data)
    far.transport.write(data[::-1])
    far.transport.write_eof()
    await until(lambda: bytes(far.data) == data and "eof" in near.events)
    assert bytes(near.data) == data[::-1]


async def say_all_but_data(opener: Opener, connection: ClientConnection) -> None:
    assert await connection.request("hint", b"me") == b"me"
    for end in (opener.connection, connection):
        end.send_packet(ssh.MSG_CHANNEL_EXTENDED_DATA, UInt32(0), UInt32(1), String(b"late"))
        end.send_packet(ssh.MSG_CHANNEL_REQUEST, UInt32(0), String("what"), Boolean(True))
        end.send_packet(ssh.MSG_DEBUG, Boolean(False), String("x"), String(""))
        await end.probe()


LONG = INITIAL_WINDOW + 50_000


@pytest.fixture(scope="module")
def short() -> Recording:
    return asyncio.run(record(20, 1))


@pytest.fixture(scope="module")
def long() -> Recording:
    return asyncio.run(record(LONG, 3))


def pieces(stream: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    return [stream[begin:end] for begin, end in pairwise(edges)]


SIDES = pytest.mark.parametrize("side", ["client", "server"])


@SIDES
async def test_a_short_stream_cut_at_every_position(side: str, short: Recording) -> None:
    stream = short.stream(side)
    expected = await short.replay(side, fast=False).outcome([stream])
    assert expected.sequence is not None
    assert expected.channels[0][1] in (payload(20), payload(20)[::-1])
    for place in range(len(stream) + 1):
        parts = [stream[:place], stream[place:]]
        assert await short.replay(side, fast=True).outcome(parts) == expected, place
    octets = [bytes([octet]) for octet in stream]
    assert await short.replay(side, fast=True).outcome(octets) == expected
    assert await short.replay(side, fast=False).outcome(octets) == expected


@SIDES
@settings(max_examples=25, deadline=None)
@given(places=st.lists(st.integers(0, 1 << 24), max_size=40))
async def test_a_long_stream_cut_anywhere(side: str, long: Recording, places: list[int]) -> None:
    parts = pieces(long.stream(side), places)
    expected = await long.replay(side, fast=False).outcome(parts)
    assert len(expected.channels[-1][1]) == LONG
    assert await long.replay(side, fast=True).outcome(parts) == expected


# What a client may be sent that its server should not have sent. The server has opened channel 0.

FORWARDED = String("0.0.0.0") + UInt32(1001) + String("192.0.2.1") + UInt32(4000)  # RFC 4254 7.2
OPEN = Byte(ssh.MSG_CHANNEL_OPEN) + String("forwarded-tcpip") + UInt32(5)
OPEN += UInt32(INITIAL_WINDOW) + UInt32(32768) + FORWARDED


def message(kind: int, *parts: bytes) -> bytes:
    return padded(Byte(kind) + b"".join(parts))


def data(octets: bytes, channel: int = 0) -> bytes:
    return message(ssh.MSG_CHANNEL_DATA, UInt32(channel), String(octets))


BEGIN = [padded(OPEN), data(b"before")]
CLOSE = message(ssh.MSG_CHANNEL_CLOSE, UInt32(0))
EOF = message(ssh.MSG_CHANNEL_EOF, UInt32(0))
CHANNEL_DATA = Byte(ssh.MSG_CHANNEL_DATA) + UInt32(0)

MISDEEDS = {
    "data for an unknown channel": [data(b"x", 77)],
    "data for a closed channel": [EOF, CLOSE, data(b"x")],
    "data after the end": [EOF, data(b"x")],
    "an empty packet of data after the end": [EOF, data(b"")],
    "no data": [data(b"")],
    "data beyond the window": [data(bytes(30_000))] * 9,
    "too long a string": [padded(CHANNEL_DATA + UInt32(5) + b"four")],
    "too short a string": [padded(CHANNEL_DATA + UInt32(3) + b"four")],
    "a string without its length": [padded(CHANNEL_DATA + b"\0\0")],
    "data without a channel": [padded(Byte(ssh.MSG_CHANNEL_DATA) + b"\0\0")],
    "nothing at all": [padded(b"")],
    "no padding": [b"\0" + CHANNEL_DATA + String(b"sixteen and 22 more..")],
    "little padding": [b"\1" + CHANNEL_DATA + String(b"twenty-one") + b"."],
    "all padding": [bytes([32]) + bytes(31)],
    "padding over data": [bytes([24]) + CHANNEL_DATA + String(b"") + bytes(22)],
    "padding beyond the packet": [bytes([255]) + CHANNEL_DATA + String(b"abcdef")],
    "no whole block": [b"\4" + CHANNEL_DATA + String(b"odd") + bytes(4)],
    "less than a block": [b"\1" + CHANNEL_DATA + String(b"") + b"."],
    "a huge window": [message(ssh.MSG_CHANNEL_WINDOW_ADJUST, UInt32(0), UInt32(0xFFFFFFFF))],
    "a window and more": [message(ssh.MSG_CHANNEL_WINDOW_ADJUST, UInt32(0), UInt32(1), b"x")],
    "half a window": [message(ssh.MSG_CHANNEL_WINDOW_ADJUST, UInt32(0), b"xx")],
    "a window for an unknown channel": [message(ssh.MSG_CHANNEL_WINDOW_ADJUST, UInt32(7) * 2)],
    "a second end": [EOF, EOF],
    "a second close": [CLOSE, CLOSE],
    "a goodbye": [message(ssh.MSG_DISCONNECT, UInt32(11), String("bye"), String(""))],
    "keys out of turn": [message(ssh.MSG_NEWKEYS)],
    "an answer to nothing": [message(ssh.MSG_REQUEST_SUCCESS)],
    **{
        f"a message {kind}": [message(kind, UInt32(0) * 3)]
        for kind in (0, 2, 3, 7, 30, 51, 98, 200)
    },
}


async def same(stream: bytes, cuts: Sequence[Sequence[int]]) -> Outcome:
    """Return what comes of a stream, which is the same both ways and however it is cut."""
    outcomes = []
    for places in cuts:
        for fast in (True, False):
            replay = replayed_client(Keys(), fast=fast)
            outcomes.append(await replay.outcome(pieces(stream, places)))
    for outcome in outcomes:
        assert outcome == outcomes[0]
    return outcomes[0]


@pytest.mark.parametrize("misdeed", MISDEEDS)
async def test_misdeeds_end_as_with_asyncssh(misdeed: str) -> None:
    packets = [*BEGIN, *MISDEEDS[misdeed], data(b"after")]
    stream = sealed(packets)
    begun = len(sealed(BEGIN))
    await same(stream, [[], [begun], [begun + 3], [begun + 10], range(0, len(stream), 1000)])


@pytest.mark.parametrize("place", [0, 1, 2, 3, 4, 5, 20, 35, -1])
async def test_an_octet_that_was_changed_ends_as_with_asyncssh(place: int) -> None:
    stream = bytearray(sealed([*BEGIN, data(b"changed"), data(b"after" * 100)]))
    begun = len(sealed(BEGIN))
    stream[place if place < 0 else begun + place] ^= 0x40
    outcome = await same(bytes(stream), [[], [begun], [begun + 30]])
    assert outcome.channels[0][1] == b"before" + (b"changed" if place < 0 else b"")


async def test_what_was_read_in_place_is_not_kept_there() -> None:
    replay = replayed_client(Keys(), fast=True)
    connection, late = replay.connection, payload(2_000)
    await replay.outcome([sealed(BEGIN)])
    # As asyncssh does for as long as a coroutine deals with a packet, such as KEXINIT.
    connection._recv_handler = lambda: False
    stream = sealed([*BEGIN, data(late)])[len(sealed(BEGIN)) :]
    await replay.outcome(pieces(stream, [100, 1_000]))
    connection._recv_handler = connection._recv_pkthdr
    connection._recv_data()
    assert bytes(replay.protocols[0].data) == b"before" + late


EXCHANGE = message(ssh.MSG_KEXINIT)
"""What makes of it a key exchange is the replay's to know."""

NEWKEYS = message(ssh.MSG_NEWKEYS)

RENEWALS = [
    b"aes256-ctr",
    b"aes256-ctr",
    b"aes256-gcm@openssh.com",
    b"aes128-gcm@openssh.com",
    b"aes256-ctr",
    b"aes128-gcm@openssh.com",
]


def renewing(ciphers: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return a stream with data around key exchanges, and the data."""
    stream, sent, sequence = b"", b"before", 0
    cipher: Encryption = Keys().cipher()
    packets = list(BEGIN)
    for number, following in enumerate(ciphers, 1):
        packets += [EXCHANGE, data(b"with the old keys"), NEWKEYS]
        stream += sealed_by(cipher, packets, sequence)
        sequence += len(packets)
        cipher, text = renewed(number, following), payload(40 + 30 * number, number)
        packets = [data(text[:33]), message(ssh.MSG_IGNORE, String("")), data(text[33:])]
        sent += b"with the old keys" + text
    return stream + sealed_by(cipher, packets, sequence), sent


@pytest.mark.parametrize("ciphers", [RENEWALS[:1], RENEWALS], ids=["once", "often"])
async def test_key_exchanges_in_a_stream_cut_at_every_position(ciphers: list[bytes]) -> None:
    stream, sent = renewing(ciphers)

    async def replayed(parts: Sequence[bytes], *, fast: bool) -> Outcome:
        replay = replayed_client(Keys(), fast=fast)
        replay.expect_exchanges(ciphers)
        return await replay.outcome(parts)

    expected = await replayed([stream], fast=False)
    assert expected.channels[0][1] == sent
    for place in range(len(stream) + 1):
        parts = [stream[:place], stream[place:]]
        assert await replayed(parts, fast=True) == expected, place
    octets = [bytes([octet]) for octet in stream]
    assert await replayed(octets, fast=True) == expected
    assert await replayed(octets, fast=False) == expected


@pytest.mark.parametrize("length", [0, 1, 11, 12, 15, 17, 256 * 1024, 256 * 1024 + 1, 1 << 31])
async def test_odd_lengths_end_as_with_asyncssh(length: int) -> None:
    stream = sealed(BEGIN) + length.to_bytes(4, "big") + bytes(60)
    begun = len(sealed(BEGIN))
    await same(stream, [[], [begun], [begun + 2], [begun + 40]])


# The same must come of both ways, so that only a look at who is asked tells that one is faster.

WINDOW = message(ssh.MSG_CHANNEL_WINDOW_ADJUST, UInt32(0), UInt32(1))
ASKED, ANSWERED = padded(QUESTION), padded(ANSWER)


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("octets", [0, 1, 100, 5_000, 32_000])
async def test_data_windows_and_keepalives_go_past_asyncssh(octets: int, in_place: bool) -> None:
    replay = replayed_client(Keys(), fast=True)
    if not in_place:
        replay.read_as_objects()
    connection, late = replay.connection, payload(octets)
    stream, begun = sealed([*BEGIN, data(late), WINDOW, ASKED, ANSWERED]), len(sealed(BEGIN))
    given = given_to_asyncssh(connection)
    await replay.outcome([stream[:begun]])
    assert given == [0]  # CHANNEL_OPEN, and not the data
    connection.measure_round_trip()
    outcome = await replay.outcome(pieces(stream[begun:], [3, octets // 2]))
    assert given == [0]
    assert outcome.error is None
    assert outcome.sequence == len(BEGIN) + 4
    assert outcome.channels[0][1] == b"before" + late
    assert outcome.sent[-1] == ANSWER
    assert not connection._global_request_waiters


async def test_what_concerns_no_channel_of_ours_goes_through_asyncssh() -> None:
    replay = replayed_client(Keys(), fast=True)
    given = given_to_asyncssh(replay.connection)
    await replay.outcome([sealed([*BEGIN, message(ssh.MSG_IGNORE, String("")), data(b"x"), EOF])])
    assert given == [0, 2, 4]
