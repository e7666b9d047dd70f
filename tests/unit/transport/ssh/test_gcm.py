"""The cipher beside asyncssh's own, and that no nonce comes twice under one key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from asyncssh.crypto.cipher import GCMCipher
from asyncssh.encryption import GCMEncryption, get_encryption
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
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
        assert fast.seal(PACKET) == expected


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
    cipher = take_over(before)
    assert isinstance(cipher, PacketCipher)
    assert cipher.seal(PACKET) == sealed_by(reference)
    assert take_over(cipher) is cipher


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
    peer, cipher = theirs(), ours()
    first, second = sealed_by(peer), sealed_by(peer)
    cipher.opened = cipher.open(first[4:], first[:4]) or b""
    assert opened_by(cipher, first) == PACKET
    assert opened_by(cipher, second) == PACKET


class Noting:
    """An `AESGCM` that notes what it is used with."""

    used: list[tuple[str, bytes, bytes]]

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._real = AESGCM(key)

    def encrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        self.used.append(("sealed", self._key, nonce))
        return self._real.encrypt(nonce, data, associated)

    def decrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        self.used.append(("opened", self._key, nonce))
        return self._real.decrypt(nonce, data, associated)


@pytest.fixture(autouse=True, scope="module")
def noting() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gcm, "AESGCM", Noting)
        yield


@given(
    steps=st.lists(
        st.sampled_from(["fast", "slow", "handed on", "new keys", "taken over late"]), max_size=60
    )
)
def test_no_nonce_comes_twice_under_one_key(steps: list[str]) -> None:
    """Whatever goes which way, and whenever keys change, each packet has a nonce of its own."""
    Noting.used = []
    keys = 0
    sealer, opener = ours(), ours()
    for step in steps:
        if step in ("new keys", "taken over late"):
            keys += 1
            key = keys.to_bytes(16, "big")
            before, peer = theirs(key=key), theirs(key=key)
            if step == "taken over late":
                assert opened_by(peer, sealed_by(before)) == PACKET
            sealer, opener = PacketCipher(before), PacketCipher(peer)
            continue
        sealed = sealed_by(sealer) if step == "slow" else sealer.seal(PACKET)
        if step == "slow":
            assert opened_by(opener, sealed) == PACKET
        else:
            assert opener.open(sealed[4:], sealed[:4]) == PACKET
        if step == "handed on":
            opener.opened = PACKET
            assert opened_by(opener, sealed) == PACKET
    assert len(set(Noting.used)) == len(Noting.used)
    for way in ("sealed", "opened"):
        packets = [step for step in steps if step in ("fast", "slow", "handed on")]
        assert sum(used[0] == way for used in Noting.used) == len(packets)
