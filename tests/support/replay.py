"""Connections that stand without a socket or a key exchange, to be fed with sealed packets.

`Recorder` notes what one end of a real connection seals; a `Replay` of the other end is given it
later, cut anyhow, and says what came of it. A replay takes packets as the product does, or as
asyncssh alone would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import asyncssh
from asyncssh.crypto.cipher import GCMCipher
from asyncssh.encryption import GCMEncryption

from pgrok.address import Address
from pgrok.transport import client, server
from pgrok.transport.ssh.client import ClientConnection
from pgrok.transport.ssh.gcm import PacketCipher
from pgrok.transport.ssh.server import ServerConnection
from support.channels import Noting
from support.conditions import steps
from support.feeding import feed
from support.transport import BOUNDS, Acceptor, Opener, Scripted, host_keys, trust

Connection = ClientConnection | ServerConnection


@dataclass(frozen=True)
class Keys:
    """What seals the packets of one direction from some packet on."""

    key: bytes = bytes(range(16))
    iv: bytes = bytes(range(12))
    sequence: int = 0

    def cipher(self) -> GCMEncryption:
        return GCMEncryption(GCMCipher("aes128-gcm", self.key, self.iv))


class Recorder:
    """Notes what a connection writes from now on, sealed."""

    def __init__(self, connection: Connection) -> None:
        cipher = connection._send_encryption
        assert isinstance(cipher, PacketCipher)
        iv = cipher._fixed + cipher._counter.to_bytes(8, "big")
        self.keys = Keys(cipher._cipher._key, iv, connection._send_seq)
        self.stream = b""
        self._write_soon = connection._write_soon
        connection._write_soon = self._note  # type: ignore[method-assign]

    def _note(self, pieces: tuple[bytes, ...]) -> None:
        self.stream += b"".join(pieces)
        self._write_soon(pieces)


def sealed(packets: Iterable[bytes], keys: Keys | None = None) -> bytes:
    """Return packets, each with its padding and its length, as they go over the wire."""
    cipher = (keys or Keys()).cipher()
    parts = [cipher.encrypt_packet(0, len(packet).to_bytes(4, "big"), packet) for packet in packets]
    return b"".join(body + tag for body, tag in parts)


def padded(payload: bytes) -> bytes:
    """Return a packet with as much padding as it takes."""
    padding = 4 + (-len(payload) - 5) % 16
    return bytes([padding]) + payload + bytes(padding)


class SilentSocket(asyncio.Transport):
    """Takes what is written, and is read as it is fed."""

    def __init__(self, protocol: asyncio.BaseProtocol | None = None) -> None:
        super().__init__()
        self.written = b""
        self._protocol = protocol or asyncio.Protocol()

    def feed(self, data: bytes) -> None:
        """Have the protocol read this."""
        while data:
            data = feed(self._protocol, data)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def write_eof(self) -> None:
        pass

    def abort(self) -> None:
        pass


class _AsyncsshsClient(ClientConnection):
    _recv_pkthdr = asyncssh.SSHClientConnection._recv_pkthdr


class _AsyncsshsServer(ServerConnection):
    _recv_pkthdr = asyncssh.SSHServerConnection._recv_pkthdr


@dataclass(frozen=True)
class Outcome:
    """All that can be seen of what came of a stream."""

    channels: list[tuple[list[str], bytes, str]]
    """What each protocol was told, got, and was lost with."""
    sequence: int | None
    """None of a connection that has ended: nobody counts any more."""
    error: object
    sent: list[bytes]


class Replay:
    """One end of a connection that has authenticated, with what it does noted in the clear."""

    def __init__(self, connection: Connection, keys: Keys, *, fast: bool) -> None:
        self.connection = connection
        self.protocols: list[Noting] = []
        self._socket = SilentSocket(connection)
        self._error: object = None
        self._force_close = connection._force_close
        connection._force_close = self._note_end  # type: ignore[method-assign, assignment]
        connection._cancel_login_timer()
        connection._wait = None
        connection._transport = self._socket
        connection._auth_complete = connection._kex_complete = True
        connection._recv_encryption = PacketCipher(keys.cipher()) if fast else keys.cipher()
        connection._recv_blocksize = connection._recv_macsize = 16
        connection._recv_handler = connection._recv_pkthdr
        connection._recv_seq = keys.sequence
        if fast:
            connection._auth_final = True
            connection._read_in_place()

    def expect_answers(self, count: int) -> None:
        """Let answers come to so many global requests that this end has never sent."""
        loop = asyncio.get_running_loop()
        self.connection._global_request_waiters += [loop.create_future() for _ in range(count)]

    def _note_end(self, error: Exception | None) -> None:
        self._error = self._error or (type(error), str(error))
        self._force_close(error)

    async def outcome(self, pieces: Iterable[bytes]) -> Outcome:
        """Feed the pieces."""
        for piece in pieces:
            if self.connection._transport is not None:
                self._socket.feed(piece)
        stands = self.connection._transport is not None
        sequence = self.connection._recv_seq if stands else None
        await steps()
        self.connection._cancel_keepalive_timer()
        seen = [(each.events, bytes(each.data), repr(each.error)) for each in self.protocols]
        return Outcome(seen, sequence, self._error, list(_payloads(self._socket.written)))


@cache
def _client_options() -> asyncssh.SSHClientConnectionOptions:
    options = client._options(Address("127.0.0.1", 1), "token", "test", [])
    options.waiter = None
    return options


@cache
def _server_options() -> asyncssh.SSHServerConnectionOptions:
    return server._options(host_keys()[:1], BOUNDS)


def replayed_client(keys: Keys, *, fast: bool) -> Replay:
    """Return a client with a forward."""
    kind = ClientConnection if fast else _AsyncsshsClient
    loop = asyncio.get_running_loop()
    connection = kind(loop, _client_options(), check_host_key=trust)
    replay = Replay(connection, keys, fast=fast)
    acceptor = Acceptor()
    connection._accept = acceptor
    replay.protocols = acceptor.protocols
    return replay


def replayed_server(keys: Keys, channels: int, *, fast: bool) -> Replay:
    """Return a server that has asked its client for so many channels."""
    kind = ServerConnection if fast else _AsyncsshsServer
    loop = asyncio.get_running_loop()
    connection = kind(
        loop, _server_options(), accept=Scripted, on_login=lambda: None, bounds=BOUNDS
    )
    connection._client = Scripted(connection)
    replay = Replay(connection, keys, fast=fast)
    replay.protocols = [Noting() for _ in range(channels)]
    for protocol in replay.protocols:
        Opener(connection, 1001).begin(protocol)
    return replay


def _payloads(written: bytes) -> Iterable[bytes]:
    while written:
        length, padding = int.from_bytes(written[:4], "big"), written[4]
        yield written[5 : 4 + length - padding]
        written = written[4 + length :]
