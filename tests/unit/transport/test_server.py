"""What the SSH server offers, as asyncssh has it in the end."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from pgrok.transport import algorithms
from pgrok.transport.server import _options
from support.transport import BOUNDS


def test_host_keys_are_offered_under_the_names_that_are_listed() -> None:
    keys = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
    )
    offered = _options([_pem(key) for key in keys], BOUNDS).server_host_keys
    assert [name.decode() for name in offered] == algorithms.SIGNATURES


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
