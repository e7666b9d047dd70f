"""What is offered, held against what this version of asyncssh knows and what is weak."""

from __future__ import annotations

import pytest
from asyncssh.compression import get_compression_algs
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs
from asyncssh.public_key import get_public_key_algs

from pgrok.transport import algorithms

KNOWN = {
    "KEY_EXCHANGES": get_kex_algs,
    "CIPHERS": get_encryption_algs,
    "MACS": get_mac_algs,
    "SIGNATURES": get_public_key_algs,
    "COMPRESSIONS": get_compression_algs,
}


@pytest.mark.parametrize("kind", KNOWN)
def test_everything_offered_exists(kind: str) -> None:
    known = {name.decode() for name in KNOWN[kind]()}
    assert set(getattr(algorithms, kind)) <= known


@pytest.mark.parametrize("kind", KNOWN)
@pytest.mark.parametrize("weak", ["group1-", "group14", "group-exchange", "sha1", "cbc", "chacha"])
def test_nothing_weak_or_slow_is_offered(kind: str, weak: str) -> None:
    assert not [name for name in getattr(algorithms, kind) if weak in name]
    assert "ssh-rsa" not in algorithms.SIGNATURES


def test_the_exchange_that_withstands_quantum_computers_comes_first() -> None:
    assert algorithms.KEY_EXCHANGES[0] == "mlkem768x25519-sha256"


def test_macs_cover_what_was_encrypted() -> None:
    assert all("-etm@" in name for name in algorithms.MACS)
