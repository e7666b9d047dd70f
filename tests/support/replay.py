"""Connections that stand without a socket or a key exchange, to be fed with sealed packets.

`Recorder` notes what one end of a real connection seals; a `Replay` of the other end is given it
later, cut anyhow, and says what came of it. A replay takes packets as the product does, or as
asyncssh alone would.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import asyncssh
from asyncssh.constants import MSG_KEXINIT
from asyncssh.crypto.cipher import GCMCipher
from asyncssh.encryption import (
    Encryption,
    GCMEncryption,
    get_encryption,
    get_encryption_params,
)
from asyncssh.kex import Kex

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

SETTLING = 30
"""Steps of the loop after which a stream with a few key exchanges, each a task, is dealt with."""


@dataclass(frozen=True)
class Keys:
    """What seals the packets of one direction from some packet on."""

    key: bytes = bytes(range(16))
    iv: bytes = bytes(range(12))
    sequence: int = 0

    def cipher(self) -> GCMEncryption:
        return GCMEncryption(GCMCipher("aes128-gcm", self.key, self.iv))


class Agreed:
    """A key exchange that is over; its keys follow from its number."""

    def compute_key(self, k: bytes, _h: bytes, x: bytes, _session: bytes, size: int) -> bytes:
        return hashlib.sha512(k + x).digest()[:size]


MAC = b"hmac-sha2-256-etm@openssh.com"


def renewed(number: int, cipher: bytes) -> Encryption:
    """Return what a server seals with after so many key exchanges, and that cipher agreed on."""
    key_size, iv_size, _, mac_size, _, etm = get_encryption_params(cipher, MAC)

    def compute(letter: bytes, size: int) -> bytes:
        return Agreed().compute_key(bytes([number]), b"", letter, b"", size)

    key, iv, mac = compute(b"D", key_size), compute(b"B", iv_size), compute(b"F", mac_size)
    return get_encryption(cipher, key, iv, MAC, mac, etm)


class Recorder:
    """Notes what a connection writes from now on, sealed."""

    def __init__(self, connection: Connection) -> None:
        cipher = connection._send_encryption
        assert isinstance(cipher, PacketCipher)
        iv = cipher._fixed.to_bytes(4, "big") + cipher._counter.to_bytes(8, "big")
        self.keys = Keys(cipher._cipher._key, iv, connection._send_seq)
        self.stream = b""
        assert not connection._unwritten
        self._flush = connection._flush
        self._connection = connection
        connection._flush = self._note  # type: ignore[method-assign]

    def _note(self) -> None:
        self.stream += b"".join(self._connection._unwritten)
        self._flush()


def given_to_asyncssh(connection: Connection) -> list[int]:
    """Return where the numbers of the packets are noted that asyncssh is given from now on."""
    given: list[int] = []
    recv_packet = connection._recv_packet

    def note() -> bool:
        given.append(connection._recv_seq)
        return recv_packet()

    connection._recv_packet = note  # type: ignore[method-assign]
    return given


def sealed(packets: Iterable[bytes], keys: Keys | None = None) -> bytes:
    """Return packets, each with its padding and its length, as they go over the wire."""
    return sealed_by((keys or Keys()).cipher(), packets, 0)


def sealed_by(cipher: Encryption, packets: Iterable[bytes], sequence: int) -> bytes:
    """Return packets, of which the first has that number, under any cipher."""
    parts = [
        cipher.encrypt_packet(sequence + number, len(packet).to_bytes(4, "big"), packet)
        for number, packet in enumerate(packets)
    ]
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

    def expect_exchanges(self, ciphers: Sequence[bytes]) -> None:
        """Have each KEXINIT end in keys for the next cipher, which the peer's NEWKEYS begins."""
        remaining = enumerate(ciphers, 1)

        async def process_kexinit(*_: object) -> None:
            await asyncio.sleep(0)
            self._agree(*next(remaining))

        connection = self.connection
        connection._packet_handlers = {
            **connection._packet_handlers,
            MSG_KEXINIT: process_kexinit,
        }

    def _agree(self, number: int, cipher: bytes) -> None:
        connection = self.connection
        connection._kex = cast(Kex, Agreed())
        connection._session_id = b"x"
        connection._enc_alg_cs = connection._enc_alg_sc = cipher
        connection._mac_alg_cs = connection._mac_alg_sc = MAC
        connection._cmp_alg_cs = connection._cmp_alg_sc = b"none"
        connection.send_newkeys(bytes([number]), b"h")
        # What this end sends stays in the clear.
        connection._send_encryption = connection._sealer = None

    def read_as_objects(self) -> None:
        """Have the socket make an object of each read, as it does of small ones."""
        self._socket.set_protocol(self.connection)

    def _note_end(self, error: Exception | None) -> None:
        self._error = self._error or (type(error), str(error))
        self._force_close(error)

    async def outcome(self, pieces: Iterable[bytes]) -> Outcome:
        """Feed the pieces."""
        for piece in pieces:
            if self.connection._transport is not None:
                self._socket.feed(piece)
        await steps(SETTLING)
        stands = self.connection._transport is not None
        sequence = self.connection._recv_seq if stands else None
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
