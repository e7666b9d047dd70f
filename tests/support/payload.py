"""Bytes of any length that both ends of a test can make by themselves."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator

BLOCK = 65536


def blocks(length: int, seed: int = 0) -> Iterator[bytes]:
    """Yield `length` bytes in blocks; no two blocks are equal, so that a swap shows."""
    filling = random.Random(seed).randbytes(BLOCK - 8)
    for start in range(0, length, BLOCK):
        block = start.to_bytes(8, "big") + filling
        yield block if length - start >= BLOCK else block[: length - start]


def payload(length: int, seed: int = 0) -> bytes:
    """Return the same bytes in one piece."""
    return b"".join(blocks(length, seed))


def digest(data: Iterable[bytes]) -> str:
    """Return the SHA-256 of some blocks in hexadecimal."""
    sha256 = hashlib.sha256()
    for block in data:
        sha256.update(block)
    return sha256.hexdigest()
