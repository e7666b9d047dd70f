"""Whatever is sent, and whichever way it goes: one nonce a packet, in the order of the wire."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest
from asyncssh.constants import MSG_DEBUG, MSG_KEXINIT, MSG_NEWKEYS
from asyncssh.crypto import cipher
from asyncssh.kex import Kex
from asyncssh.packet import Boolean, String
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from pgrok.transport.ssh import gcm
from pgrok.transport.ssh.client import ClientConnection
from support.conditions import steps
from support.replay import Agreed, Keys, replayed_client

GCM = b"aes128-gcm@openssh.com"


class Noting:
    """An `AESGCM` that notes what it seals with."""

    used: list[tuple[bytes, bytes]]

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._real = AESGCM(key)
        self.decrypt = self._real.decrypt

    def encrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        self.used.append((self._key, nonce))
        return self._real.encrypt(nonce, data, associated)


class Sending:
    """A client that sends, and renews its keys."""

    def __init__(self) -> None:
        self.connection = client = replayed_client(Keys(), fast=True).connection
        client._strict_kex = True
        client._kexinit_sent = False
        client._enc_alg_cs = client._enc_alg_sc = GCM
        client._cmp_alg_cs = client._cmp_alg_sc = b"none"
        client._session_id = b"x"
        client._rekey_seconds = 0
        self.keys = 0
        self.renew()

    def data(self) -> None:
        if self.connection.writable:
            self.connection.send_data(0, b"data" * 10)

    def much(self) -> None:
        if self.connection.writable:
            self.connection.send_data(0, bytes(40_000))

    def lent(self) -> None:
        if self.connection.writable:
            self.connection.send_lent(0, 0, 40_000)
            self.connection.send_lent(0, 40_000, 1)

    def adjust(self) -> None:
        self.connection.send_window_adjust(0, 1)

    def other(self) -> None:
        self.connection.send_packet(MSG_DEBUG, Boolean(False), String("x"), String(""))

    def due(self) -> None:
        """Have the next packet begin a key exchange."""
        self.connection._rekey_bytes_sent = self.connection._rekey_bytes

    def begin(self) -> None:
        if self.connection._kex_complete:
            self.connection._send_kexinit()

    def renew(self) -> None:
        self.begin()
        self.keys += 1
        self.connection._kex = cast(Kex, Agreed())
        self.connection.send_newkeys(bytes([self.keys]), b"h")

    def kinds(self) -> Iterable[int]:
        """Yield what is on the wire, opened key by key and nonce by nonce."""
        socket: Any = self.connection._transport
        written, keys, opener = socket.written, 0, None
        while written:
            size = int.from_bytes(written[:4], "big") + (4 if opener is None else 4 + 16)
            sealed, written = written[:size], written[size:]
            packet = sealed[4:]
            if opener is not None:
                opened = opener.decrypt_packet(0, sealed[:16], sealed[16:-16], 4, sealed[-16:])
                assert opened is not None
                packet = opened
            yield packet[1]
            if packet[1] == MSG_NEWKEYS:
                keys += 1
                number = bytes([keys])
                key = hashlib.sha512(number + b"C").digest()[:16]
                opener = Keys(key, hashlib.sha512(number + b"A").digest()[:12]).cipher()


STEPS = [
    Sending.data,
    Sending.much,
    Sending.lent,
    Sending.adjust,
    Sending.other,
    Sending.due,
    Sending.begin,
    Sending.renew,
]


@settings(deadline=None)
@given(script=st.lists(st.sampled_from(STEPS), max_size=50))
async def test_no_nonce_comes_twice_and_all_are_in_order(
    script: list[Callable[[Sending], None]],
) -> None:
    used: list[tuple[bytes, bytes]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Noting, "used", used, raising=False)
        patch.setattr(gcm, "AESGCM", Noting)
        patch.setattr(cipher, "AESGCM", Noting)
        sending = Sending()
        for step in script:
            step(sending)
        await steps()
    assert len(set(used)) == len(used)
    kinds = list(sending.kinds())
    clear = 2  # the first KEXINIT and its NEWKEYS
    assert len(kinds) == len(used) + clear
    assert kinds[:2] == [MSG_KEXINIT, MSG_NEWKEYS]
    assert kinds.count(MSG_NEWKEYS) == sending.keys


async def test_channel_data_goes_past_asyncssh() -> None:
    sending = Sending()
    connection: ClientConnection = sending.connection  # type: ignore[assignment]
    connection.send_packet = None  # type: ignore[assignment, method-assign]
    sending.data()
    sending.lent()
    sending.adjust()
    await steps()
    assert list(sending.kinds())[2:] == [94, 94, 94, 93]
