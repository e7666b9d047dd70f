"""What a client may not have more of, and that nobody else notices who tries."""

from __future__ import annotations

import asyncio
import random
import struct
import time
from collections.abc import Iterable
from dataclasses import replace

import asyncssh
import pytest
from asyncssh import constants as ssh
from asyncssh.packet import Boolean, NameList, SSHPacket, String, UInt32

from pgrok.errors import ChannelRefused, ConnectionLost
from pgrok.transport import algorithms
from pgrok.transport.ssh import guard, liveness
from pgrok.transport.ssh.server import MAX_ADDRESS
from support.alarms import raised_alarms
from support.bystander import bystander
from support.channels import Noting
from support.conditions import PATIENCE, until
from support.hostile import HostileClient, hostile_client
from support.messages import Message
from support.transport import BOUNDS, Opener, Served, host_keys, raw, serving

IDENT = b"SSH-2.0-x\r\n"


def packet(kind: int, payload: bytes = b"") -> bytes:
    """Return a packet without keys around it (RFC 4253 6)."""
    padding = 4 + -(4 + 1 + 1 + len(payload) + 4) % 8
    body = bytes([padding, kind]) + payload + bytes(padding)
    return struct.pack(">I", len(body)) + body


def kexinit() -> bytes:
    """Return the beginning of a key exchange as our own client makes one (RFC 4253 7.1)."""
    offered = [
        *(algorithms.KEY_EXCHANGES, algorithms.HOST_KEYS),
        *(algorithms.CIPHERS, algorithms.CIPHERS, algorithms.MACS, algorithms.MACS),
        *(["none"], ["none"], [], []),
    ]
    lists = b"".join(NameList(name.encode() for name in names) for names in offered)
    return packet(ssh.MSG_KEXINIT, bytes(16) + lists + Boolean(False) + UInt32(0))


BEFORE = {
    "a line without an end": b"x" * 9000,
    "an identification without an end": b"SSH-2.0-" + b"x" * 9000,
    "a long identification": b"SSH-2.0-" + b"x" * 300 + b"\r\n",
    "an identification that is no text": b"SSH-2.0-\xff\xfe\r\n",
    "lines before the identification": b"hello\r\n" * 3 + IDENT,
    "an old version": b"SSH-1.5-x\r\n",
    "another protocol": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "noise": random.Random(7).randbytes(9000) + b"\n",
    "a large packet": IDENT + struct.pack(">I", 2**31) + bytes(100),
    "an empty packet": IDENT + bytes(16),
    "a key exchange within another": IDENT + kexinit() + kexinit(),
    "a key exchange that makes no sense": IDENT + packet(ssh.MSG_KEXINIT, bytes(16)),
    "new keys that nobody agreed on": IDENT + kexinit() + packet(ssh.MSG_NEWKEYS),
    "a service before keys": IDENT + packet(ssh.MSG_SERVICE_REQUEST, String("ssh-userauth")),
    "a sign-in before keys": IDENT + packet(ssh.MSG_USERAUTH_REQUEST, String("x")),
    "a request before keys": IDENT + packet(ssh.MSG_GLOBAL_REQUEST, String("hint")),
    "a channel before keys": IDENT + packet(ssh.MSG_CHANNEL_OPEN, String("session")),
}


class TestBeforeAuthentication:
    @pytest.mark.parametrize("what", BEFORE)
    async def test_it_ends_the_connection(self, what: str) -> None:
        with raised_alarms() as alarms:
            async with serving() as served, bystander(served) as works:
                reader, writer = await dial(served)
                writer.write(BEFORE[what])
                await ended(reader)
                await works()
                writer.close()
            alarms.check()

    async def test_time_is_short_for_who_sends_an_octet_now_and_then(self) -> None:
        async with serving(bounds=replace(BOUNDS, login=0.3)) as served:
            reader, writer = await dial(served)
            end = asyncio.ensure_future(ended(reader))
            while not end.done():
                writer.write(b"x")
                await asyncio.wait([end], timeout=0.02)
            await end
            writer.close()


async def dial(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(served.address.host, served.address.port)


async def ended(reader: asyncio.StreamReader) -> None:
    """Wait until the server has closed the connection, in whatever way."""
    async with asyncio.timeout(10):
        try:
            while await reader.read(65536):
                pass
        except ConnectionError:
            pass


def request(name: str, payload: bytes = b"") -> Message:
    """Return a global request that wants a reply."""
    return ssh.MSG_GLOBAL_REQUEST, String(name) + Boolean(True) + payload


def opening(kind: str, number: int = 0, window: int = 1 << 20, largest: int = 32768) -> Message:
    return ssh.MSG_CHANNEL_OPEN, String(kind) + UInt32(number) + UInt32(window) + UInt32(largest)


def asking(kind: str, payload: bytes = b"", channel: int = 0) -> Message:
    """Return a request of a channel that wants a reply."""
    return ssh.MSG_CHANNEL_REQUEST, UInt32(channel) + String(kind) + Boolean(True) + payload


def data(channel: int, octets: int = 1) -> Message:
    return ssh.MSG_CHANNEL_DATA, UInt32(channel) + String(bytes(octets))


CONFIRMED = UInt32(0) + UInt32(0) + UInt32(1 << 20) + UInt32(32768)

ENDING: dict[str, list[Message]] = {
    "data for no channel": [data(7)],
    "data for a channel that is not confirmed yet": [opening("session"), data(0)],
    "the end of no channel": [(ssh.MSG_CHANNEL_EOF, UInt32(7))],
    "the close of no channel": [(ssh.MSG_CHANNEL_CLOSE, UInt32(7))],
    "a window for no channel": [(ssh.MSG_CHANNEL_WINDOW_ADJUST, UInt32(7) + UInt32(1))],
    "a channel that nobody opened": [(ssh.MSG_CHANNEL_OPEN_CONFIRMATION, CONFIRMED)],
    "a refusal of nothing": [
        (ssh.MSG_CHANNEL_OPEN_FAILURE, UInt32(0) + UInt32(1) + String("") + String(""))
    ],
    "packets of nothing": [opening("session", largest=0)],
    "an answer to nothing": [(ssh.MSG_REQUEST_SUCCESS, b"")] * 2,
    "a key exchange that makes no sense": [(ssh.MSG_KEXINIT, b"")],
    "a key exchange in no alphabet": [(ssh.MSG_KEXINIT, bytes(16) + String(b"\xff") * 10)],
    "new keys that nobody agreed on": [(ssh.MSG_NEWKEYS, b"")],
    "a request in no alphabet": [(ssh.MSG_GLOBAL_REQUEST, String(b"\xff") + Boolean(True))],
    "a malformed request behind another": [request("hint"), request("tcpip-forward")],
    "a long address": [request("tcpip-forward", String("x" * (MAX_ADDRESS + 1)) + UInt32(0))],
    "a long address to cancel": [
        request("cancel-tcpip-forward", String("x" * (MAX_ADDRESS + 1)) + UInt32(0))
    ],
    "another sign-in": [
        (ssh.MSG_IGNORE, String("")),
        request("hint"),
        (ssh.MSG_USERAUTH_REQUEST, String("x") + String("ssh-connection") + String("none")),
    ],
    "another service": [(ssh.MSG_SERVICE_REQUEST, String("ssh-connection"))],
}
"""What breaks RFC 4253 or 4254, or goes beyond a limit."""

HARMLESS: dict[str, list[Message]] = {
    "a channel of the name of a handler": [opening("channel")],
    "a message that nobody knows": [(201, b"x" * 1000)] * 100,
    "much that is to be ignored": [(ssh.MSG_IGNORE, String(bytes(1000)))] * 200,
    "much that is to be debugged": [(ssh.MSG_DEBUG, Boolean(True) + String("\x1b[2J") + String(""))]
    * 200,
    "keepalives": [request("keepalive@openssh.com")] * 500,
    "requests that nobody knows": [request("no-such-thing", bytes(100))] * 500,
}


class TestAfterAuthentication:
    @pytest.mark.parametrize("what", ENDING)
    async def test_it_ends_the_connection(self, what: str) -> None:
        assert not await tried(ENDING[what])

    @pytest.mark.parametrize("what", HARMLESS)
    async def test_it_is_answered_and_harmless(self, what: str) -> None:
        assert await tried(HARMLESS[what])

    @pytest.mark.parametrize(
        ("message", "reason"),
        [
            ((ssh.MSG_NEWKEYS, b""), "New keys not negotiated"),
            (request("tcpip-forward", String("x" * 256) + UInt32(0)), "an address of 256 octets"),
            ((ssh.MSG_KEXINIT, b""), "Incomplete packet"),
            ((ssh.MSG_DISCONNECT, UInt32(2) + String("my own words") + String("")), ""),
            ((ssh.MSG_DISCONNECT, UInt32(11) + String("") + String("")), ""),
        ],
    )
    async def test_the_server_knows_why_it_ended_it(self, message: Message, reason: str) -> None:
        async with serving() as served:
            client = await hostile_client(served.address)
            client.send(*message)
            await until(lambda: served.client.lost is not None)
            assert served.client.reason == reason

    async def test_the_reason_is_short_and_fit_for_a_log(self) -> None:
        async with serving() as served:
            await hostile_client(served.address)
            served.client.connection._force_close(asyncssh.ProtocolError("\x1b[2J" + "x" * 9_999))
            await until(lambda: served.client.lost is not None)
            assert served.client.reason == "�[2J" + "x" * 196

    async def test_who_goes_away_is_not_ended(self) -> None:
        async with serving() as served:
            (await hostile_client(served.address)).abort()
            await until(lambda: served.client.lost is not None)
            assert served.client.reason == ""

    async def test_key_exchanges_are_so_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(guard, "MAX_KEY_EXCHANGES", 3)
        async with serving() as served, bystander(served) as works, raw(served) as client:
            began = time.monotonic()
            for _ in range(2):  # and one there was before
                await exchange_keys(client)
            at_once = time.monotonic() - began
            for _ in range(2):
                exchange = asyncio.ensure_future(exchange_keys(client))
                await until(lambda: served.client.connection._is_unread, "it waits")
                for _ in range(5):
                    await works()
                assert not exchange.done(), "nobody else waits"
                await exchange
            assert time.monotonic() - began - at_once > 1.5
            await served.client.connection.probe()
            assert not client.is_closed()

    async def test_nothing_is_read_behind_an_exchange_that_waits(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "MAX_KEY_EXCHANGES", 1)
        async with serving() as served, bystander(served) as works, raw(served) as client:
            connection = served.client.connection
            client._send_kexinit()
            await until(lambda: connection._is_unread)
            assert client._transport is not None
            client._transport.write(bytes(32 << 20))
            for _ in range(10):
                await works()
            assert connection._is_unread
            assert len(connection._inpbuf) < 1 << 20
            client.abort()
            await until(lambda: served.client.lost is not None)

    async def test_who_waits_for_an_exchange_is_not_taken_for_dead(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "MAX_KEY_EXCHANGES", 1)
        impatient = replace(BOUNDS, keepalive=0.1, unanswered_keepalives=1)
        async with serving(bounds=impatient) as served, raw(served) as client:
            for _ in range(2):
                exchange = asyncio.ensure_future(exchange_keys(client))
                await until(lambda: served.client.connection._is_unread)
                async with asyncio.timeout(0.3):
                    await served.client.connection.probe()
                assert not exchange.done()
                await exchange
            assert not client.is_closed()
            await served.client.connection.probe()
            assert served.client.lost is None

    @pytest.mark.parametrize("server_ends", [False, True])
    async def test_who_leaves_while_an_exchange_waits_is_gone(
        self, server_ends: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "MAX_KEY_EXCHANGES", 1)
        with raised_alarms() as alarms:
            async with serving() as served, raw(served) as client:
                connection = served.client.connection
                client._send_kexinit()
                await until(lambda: connection._is_unread)
                if server_ends:
                    connection.end("going away")
                client.abort()
                await until(lambda: served.client.lost is not None)
                await until(lambda: not connection._tasks)
            alarms.check()

    async def test_who_has_left_before_an_exchange_begins_is_gone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "MAX_KEY_EXCHANGES", 0.9)
        async with serving() as served, raw(served):
            connection = served.client.connection
            connection._force_close(None)
            await connection._process_kexinit(ssh.MSG_KEXINIT, 0, SSHPacket(b""))

    async def test_keys_are_proved_once_and_each_once(self) -> None:
        keys = b"".join(map(String, public_keys()))
        async with serving() as served, bystander(served) as works:
            client = await hostile_client(served.address)
            for payload in (keys * 2, keys, keys, String(public_keys()[0])):
                client.send(*request("hostkeys-prove-00@openssh.com", payload))
            assert await client.heard_out()
            answers = [kind for kind in client.kinds() if kind in ANSWERS]
            refused, proved = ssh.MSG_REQUEST_FAILURE, ssh.MSG_REQUEST_SUCCESS
            assert answers == [refused, proved, refused, refused]
            await works()
            client.abort()

    async def test_requests_of_a_session_do_not_wait_in_a_queue(self) -> None:
        """asyncssh would let them wait for what it looks up, and then go through them one inside
        the other, deeper than Python goes."""
        with raised_alarms() as alarms:
            async with serving() as served, bystander(served) as works:
                client = await session(served)
                client.send(*asking("auth-agent-req@openssh.com"))
                client.send(*asking("x11-req", X11))
                for _ in range(1500):
                    client.send(*asking("env", String("LANG") + String("C")))
                assert await client.heard_out()
                assert client.kinds().count(ssh.MSG_CHANNEL_FAILURE) == 1502
                await works()
                client.abort()
            alarms.check()

    async def test_a_session_is_left_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with serving() as served:
            client = await session(served)
            left: list[None] = []
            monkeypatch.setattr(served.client, "retire", lambda: left.append(None))
            for _ in range(100):
                client.send(*asking("signal", String("INT")))
            assert await client.heard_out()
            assert left == [None]
            client.abort()

    async def test_channels_that_it_never_confirms_are_so_many(self) -> None:
        async with (
            serving(bounds=replace(BOUNDS, channels=3)) as served,
            bystander(served) as works,
        ):
            client = await hostile_client(served.address)
            opener = Opener(served.client.connection, 1001)
            visitors = [Noting() for _ in range(3)]
            for visitor in visitors:
                opener.begin(visitor).abort()  # who leaves frees nothing: it may be confirmed yet
            with pytest.raises(ChannelRefused):
                opener.begin(Noting())
            await works()
            client.abort()
            await until(lambda: all(visitor.events == ["lost"] for visitor in visitors))

    async def test_requests_to_it_that_it_never_answers_are_so_many(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(liveness, "MAX_UNANSWERED", 3)
        async with serving() as served, bystander(served) as works:
            client = await hostile_client(served.address)
            connection = served.client.connection
            await until(lambda: len(connection._global_request_waiters) == 1)
            for _ in range(2):
                client.send(ssh.MSG_IGNORE, String(""))
                await connection.probe()
            with pytest.raises(ConnectionLost):
                async with asyncio.timeout(PATIENCE):  # and not when its keepalives have run out
                    await connection.probe()
            await until(lambda: served.client.lost is not None)
            assert served.client.reason == "it does not answer"
            await works()
            client.abort()


ANSWERS = (ssh.MSG_REQUEST_SUCCESS, ssh.MSG_REQUEST_FAILURE)

X11 = Boolean(True) + String("MIT-MAGIC-COOKIE-1") + String("00" * 16) + UInt32(0)


def public_keys() -> list[bytes]:
    return [asyncssh.import_private_key(pem).public_data for pem in host_keys()]


async def exchange_keys(client: asyncssh.SSHClientConnection) -> None:
    """Begin a key exchange and wait for its end, or that of the connection."""
    client._send_kexinit()
    client._kexinit_sent = True
    await until(lambda: client._kex_complete or client.is_closed())


async def session(served: Served) -> HostileClient:
    """Return a client with a session, as plain `ssh` opens one."""
    client = await hostile_client(served.address)
    client.send(*opening("session"))
    await until(lambda: ssh.MSG_CHANNEL_OPEN_CONFIRMATION in client.kinds())
    return client


async def tried(messages: Iterable[Message]) -> bool:
    """Send messages, see that nobody minds; return whether the connection stands."""
    with raised_alarms() as alarms:
        async with serving() as served, bystander(served) as works:
            client = await hostile_client(served.address)
            for message in messages:
                client.send(*message)
            stands = await client.heard_out()
            await works()
            client.abort()
        alarms.check()
    return stands
