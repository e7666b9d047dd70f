"""What both ends of an SSH connection are set to alike."""

from __future__ import annotations

from typing import Any

from pgrok.transport import algorithms

COMMON: dict[str, Any] = {
    "config": None,
    "kex_algs": algorithms.KEY_EXCHANGES,
    "encryption_algs": algorithms.CIPHERS,
    "mac_algs": algorithms.MACS,
    "compression_algs": algorithms.COMPRESSIONS,
    "signature_algs": algorithms.SIGNATURES,
    "public_key_auth": False,
    "kbdint_auth": False,
    "host_based_auth": False,
    # asyncssh's default looks this machine's own name up, and waits for it.
    "gss_host": None,
    "rekey_bytes": algorithms.REKEY_BYTES,
    "rekey_seconds": 0,
}
"""Keyword arguments of either of asyncssh's options; passwords are all that authenticates."""
