"""The cipher beside asyncssh's own, and that no nonce comes twice under one key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from asyncssh.crypto import cipher
from asyncssh.crypto.cipher import GCMCipher
from asyncssh.encryption import GCMEncryption, get_encryption
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import example, given
from hypothesis import strategies as st

from pgrok.transport.ssh import gcm
from pgrok.transport.ssh.gcm import PacketCipher, take_over

KEY, IV = bytes(range(16)), bytes(range(12))
LAST = bytes(4) + b"\xff" * 8
PACKET = b"\x04\x5e" + bytes(26) + b"pad!"
LENGTH = len(PACKET).to_bytes(4, "big")


def theirs(iv: bytes = IV, key: bytes = KEY) -> GCMEncryption:
    return GCMEncryption(GCMCipher("aes128-gcm", key, iv))


def ours(iv: bytes = IV, key: bytes = KEY) -> PacketCipher:
    return PacketCipher(theirs(iv, key))


def sealed_by(cipher: GCMEncryption) -> bytes:
    return b"".join(cipher.encrypt_packet(0, LENGTH, PACKET))


def opened_by(cipher: GCMEncryption, sealed: bytes) -> bytes | None:
    """Open a packet in the parts in which asyncssh has it."""
    first, length = cipher.decrypt_header(0, sealed[:16], 4)
    assert length == LENGTH
    return cipher.decrypt_packet(0, first, sealed[16:-16], 4, sealed[-16:])


@pytest.mark.parametrize("iv", [IV, LAST])
def test_seals_what_asyncssh_would(iv: bytes) -> None:
    reference, slow, fast = theirs(iv), ours(iv), ours(iv)
    for _ in range(3):
        expected = sealed_by(reference)
        assert sealed_by(slow) == expected
        assert b"".join(fast.seal(PACKET)) == expected


@pytest.mark.parametrize("iv", [IV, LAST])
def test_opens_what_asyncssh_would(iv: bytes) -> None:
    peer, slow, fast = theirs(iv), ours(iv), ours(iv)
    for _ in range(3):
        sealed = sealed_by(peer)
        assert opened_by(slow, sealed) == PACKET
        assert fast.open(memoryview(sealed)[4:], sealed[:4]) == PACKET


def test_goes_on_where_asyncssh_has_come_to() -> None:
    before, reference = theirs(), theirs()
    for _ in range(3):
        assert sealed_by(before) == sealed_by(reference)
    after = take_over(before)
    assert isinstance(after, PacketCipher)
    assert b"".join(after.seal(PACKET)) == sealed_by(reference)
    assert take_over(after) is after


def test_other_ciphers_stay_as_they_are() -> None:
    other = get_encryption(b"aes256-ctr", bytes(32), bytes(16), b"hmac-sha2-256", bytes(32))
    assert take_over(other) is other
    assert take_over(None) is None


@pytest.mark.parametrize("place", [0, 3, 4, 20, -1])
def test_a_changed_packet_is_refused(place: int) -> None:
    sealed = bytearray(sealed_by(theirs()))
    sealed[place] ^= 1
    assert ours().open(sealed[4:], sealed[:4]) is None


def test_a_packet_that_is_handed_on_is_not_opened_again() -> None:
    peer, opener = theirs(), ours()
    first, second = sealed_by(peer), sealed_by(peer)
    opener.opened = opener.open(first[4:], first[:4]) or b""
    assert opened_by(opener, first) == PACKET
    assert opened_by(opener, second) == PACKET


class Noting:
    """An `AESGCM` that notes what it is used with."""

    def __init__(self, used: list[tuple[str, bytes, bytes]], key: bytes) -> None:
        self._used = used
        self._key = key
        self._real = AESGCM(key)

    def encrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        self._used.append(("sealed", self._key, nonce))
        return self._real.encrypt(nonce, data, associated)

    def decrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        self._used.append(("opened", self._key, nonce))
        return self._real.decrypt(nonce, data, associated)


class Ends:
    """The sealing and the opening end of one direction."""

    def __init__(self) -> None:
        self.sealer: GCMEncryption = ours()
        self.opener: GCMEncryption = ours()
        self._keys = 0

    def fast(self) -> bytes:
        assert isinstance(self.sealer, PacketCipher)
        assert isinstance(self.opener, PacketCipher)
        sealed = b"".join(self.sealer.seal(PACKET))
        assert self.opener.open(sealed[4:], sealed[:4]) == PACKET
        return sealed

    def slow(self) -> None:
        assert opened_by(self.opener, sealed_by(self.sealer)) == PACKET

    def handed_on(self) -> None:
        sealed = self.fast()
        assert isinstance(self.opener, PacketCipher)
        self.opener.opened = PACKET
        assert opened_by(self.opener, sealed) == PACKET

    def new_keys(self) -> None:
        """Change keys; asyncssh has sent and taken a packet before it is our turn."""
        self._keys += 1
        key = self._keys.to_bytes(16, "big")
        self.sealer, self.opener = theirs(key=key), theirs(key=key)
        self.slow()
        self.sealer, self.opener = PacketCipher(self.sealer), PacketCipher(self.opener)


@example(steps=[Ends.fast] * 3)
@given(
    steps=st.lists(
        st.sampled_from([Ends.fast, Ends.slow, Ends.handed_on, Ends.new_keys]), max_size=60
    )
)
def test_no_nonce_comes_twice_under_one_key(steps: list[Callable[[Ends], object]]) -> None:
    """Whatever goes which way, and whenever keys change, each packet has a nonce of its own."""
    used: list[tuple[str, bytes, bytes]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gcm, "AESGCM", partial(Noting, used))
        patch.setattr(cipher, "AESGCM", partial(Noting, used))
        ends = Ends()
        for step in steps:
            step(ends)
    assert len(set(used)) == len(used) == 2 * len(steps)
