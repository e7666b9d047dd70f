"""AES-GCM for the packets of one direction (RFC 5647): the one owner of its key and nonces.

The fast path and asyncssh's own code seal and open through the same object, so that no nonce can
come twice. asyncssh makes its cipher anew for every packet; here it is made once.
"""

from __future__ import annotations

import struct

from asyncssh.encryption import Encryption, GCMEncryption
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pgrok.transport.link import Buffer

LENGTH = 4
"""Octets of the length before each packet, which is authenticated and not encrypted."""

BLOCK = 16
"""Octets that a packet without its length is a multiple of, and at least."""

TAG = 16
"""Octets of the tag behind each packet."""

_pack_length = struct.Struct(">I").pack

_pack_nonce = struct.Struct(">IQ").pack

_FIXED = 4


class PacketCipher(GCMEncryption):
    """Seals, or opens, the packets of one direction in their order.

    Takes over from a cipher of asyncssh's at whatever packet that one has come to. A packet that
    the fast path opens and leaves to asyncssh is put into `opened`, and not opened again.
    """

    def __init__(self, theirs: GCMEncryption) -> None:
        super().__init__(theirs._cipher)
        iv = theirs._cipher._iv
        aead = AESGCM(theirs._cipher._key)
        self._encrypt, self._decrypt = aead.encrypt, aead.decrypt
        self._fixed = int.from_bytes(iv[:_FIXED], "big")
        self._counter = int.from_bytes(iv[_FIXED:], "big")
        self.opened = b""

    def seal(self, packet: bytes | memoryview) -> tuple[bytes, bytes]:
        """Return what goes over the wire: the length, and ciphertext with tag."""
        length, encrypt = _pack_length(len(packet)), self._encrypt
        return length, encrypt(self._next_nonce(), packet, length)

    def open(self, sealed: Buffer, length: Buffer) -> bytes | None:
        """Return the next packet; None if it is not what the peer sealed."""
        decrypt = self._decrypt
        try:
            return decrypt(self._next_nonce(), sealed, length)
        except InvalidTag:
            return None

    def _next_nonce(self) -> bytes:
        counter = self._counter
        try:
            nonce = _pack_nonce(self._fixed, counter)
        except struct.error:
            # After 64 bits of ones it begins anew; to look before each packet would cost more.
            nonce = _pack_nonce(self._fixed, counter := 0)
        self._counter = counter + 1
        return nonce

    # What asyncssh asks of a cipher besides `decrypt_header`, which is as it was.

    def encrypt_packet(self, seq: int, header: bytes, packet: bytes) -> tuple[bytes, bytes]:
        """Seal a packet; its length, which is `header`, and its tag come in one with it."""
        return b"".join(self.seal(packet)), b""

    def decrypt_packet(
        self, seq: int, first: bytes, rest: bytes, header_len: int, mac: bytes
    ) -> bytes | None:
        """Open a packet, unless that has been done."""
        if self.opened:
            packet, self.opened = self.opened, b""
            return packet
        return self.open(first[header_len:] + rest + mac, first[:header_len])


def take_over(encryption: Encryption | None) -> Encryption | None:
    """Return the cipher to use in the place of one of asyncssh's."""
    if isinstance(encryption, GCMEncryption) and not isinstance(encryption, PacketCipher):
        return PacketCipher(encryption)
    return encryption
