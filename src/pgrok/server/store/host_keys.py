"""The server's host keys, made once, so that its fingerprints survive every move."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.ssh import SSHPrivateKeyTypes
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from pgrok.errors import StoreError
from pgrok.server.store import tables
from pgrok.server.store.engine import Database
from pgrok.server.store.records import HostKey

GENERATORS: Mapping[str, Callable[[], SSHPrivateKeyTypes]] = {
    "ssh-ed25519": Ed25519PrivateKey.generate,
    "ecdsa-sha2-nistp256": lambda: generate_ec(SECP256R1()),
    "ssh-rsa": lambda: generate_rsa(public_exponent=65537, key_size=3072),
}

ALWAYS = ("ssh-ed25519", "ssh-rsa")
"""Every server has a key of each of these."""

WITH_THE_ORIGINAL = ("ecdsa-sha2-nistp256",)
"""For the clients of the original, all written in Go, which take RSA before Ed25519 and this one
before both: a signature with the original's RSA key takes 35 times as long. No new server has
one, because its curve's parameters come from nobody knows where."""

_keys = tables.host_keys.c


class HostKeys:
    """The host keys of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[HostKey]:
        """Return every host key; of each algorithm, the one to present comes first."""
        query = select(_keys.algorithm, _keys.pem, _keys.fingerprint, _keys.preferred)
        query = query.order_by(_keys.algorithm, _keys.preferred.desc(), _keys.fingerprint)
        async with self._database.reading() as connection:
            return [HostKey(**row) for row in (await connection.execute(query)).mappings()]


async def add_missing(
    connection: AsyncConnection, algorithms: Iterable[str], now: datetime
) -> None:
    """Make a key of each of these algorithms that has none."""
    present = set((await connection.execute(select(_keys.algorithm))).scalars())
    for algorithm in set(algorithms) - present:
        key = await asyncio.to_thread(GENERATORS[algorithm])
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        await add(connection, pem, now)


async def add(connection: AsyncConnection, pem: bytes, created_at: datetime) -> None:
    """Add a key unless it is there; the first one of an algorithm is the preferred one."""
    key = describe(pem)
    rows = (await connection.execute(select(_keys.algorithm, _keys.fingerprint))).all()
    if key.fingerprint in {row.fingerprint for row in rows}:
        return
    await connection.execute(
        tables.host_keys.insert().values(
            algorithm=key.algorithm,
            pem=pem,
            fingerprint=key.fingerprint,
            preferred=key.algorithm not in {row.algorithm for row in rows},
            created_at=created_at,
        )
    )


def describe(pem: bytes) -> HostKey:
    """Return what SSH calls the private key in `pem`; raise `StoreError` if it holds none."""
    try:
        public = load_pem_private_key(pem, password=None).public_key()
        line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except (ValueError, TypeError) as error:
        raise StoreError(
            "A host key in the database cannot be read. Restore its row, or delete it: "
            "clients that know it will then refuse the new one until they are told."
        ) from error
    algorithm, encoded = line.decode().split()[:2]
    digest = hashlib.sha256(base64.b64decode(encoded)).digest()
    fingerprint = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    return HostKey(algorithm, pem, fingerprint, preferred=True)
