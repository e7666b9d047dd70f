"""Sessions of browsers. The id is known to the browser alone; the store keeps its hash."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from pgrok.server.store import tables
from pgrok.server.store.engine import Database
from pgrok.server.store.records import Clock, Session, hashed

ANONYMOUS_LIFETIME = timedelta(hours=1)
"""How long a session without a person lives: a sign-in takes no longer."""

TOKEN_LIFETIME = timedelta(minutes=10)
"""How long a new token can be shown in the session that it was made in."""

_NONCE_BYTES = 12

_sessions = tables.web_sessions.c


class WebSessions:
    """The sessions of one database; `lifetime` is how long somebody stays signed in."""

    def __init__(self, database: Database, clock: Clock, lifetime: timedelta) -> None:
        self._database = database
        self._clock = clock
        self.lifetime = lifetime

    async def create(self, person_id: int | None) -> str:
        """Return the id of a new session; sessions and kept tokens past their time go."""
        raw_id, now = secrets.token_urlsafe(32), self._clock()
        lifetime = ANONYMOUS_LIFETIME if person_id is None else self.lifetime
        async with self._database.writing() as connection:
            await connection.execute(delete(tables.web_sessions).where(_sessions.expires_at <= now))
            await connection.execute(
                update(tables.web_sessions)
                .where(_sessions.kept_until <= now)
                .values(kept_token=None, kept_until=None)
            )
            await connection.execute(
                insert(tables.web_sessions).values(
                    id_hash=hashed(raw_id),
                    person_id=person_id,
                    created_at=now,
                    expires_at=now + lifetime,
                )
            )
        return raw_id

    async def get(self, raw_id: str) -> Session | None:
        """Return the session that the browser's `raw_id` names, if it has not expired."""
        query = select(
            _sessions.id_hash, _sessions.person_id, _sessions.created_at, _sessions.expires_at
        ).where(_sessions.id_hash == hashed(raw_id), _sessions.expires_at > self._clock())
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).mappings().first()
        return Session(**row) if row else None

    async def delete(self, raw_id: str) -> None:
        """End a session."""
        query = delete(tables.web_sessions).where(_sessions.id_hash == hashed(raw_id))
        async with self._database.writing() as connection:
            await connection.execute(query)

    async def keep_token(self, raw_id: str, token: str) -> None:
        """Keep a new token for ten minutes, so that this session, and no other, can show it."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + _cipher(raw_id).encrypt(nonce, token.encode(), hashed(raw_id))
        query = update(tables.web_sessions).where(_sessions.id_hash == hashed(raw_id))
        async with self._database.writing() as connection:
            await connection.execute(
                query.values(kept_token=sealed, kept_until=self._clock() + TOKEN_LIFETIME)
            )

    async def kept_token(self, raw_id: str) -> str | None:
        """Return the token kept for this session, while its ten minutes last."""
        now = self._clock()
        query = select(_sessions.kept_token).where(
            _sessions.id_hash == hashed(raw_id),
            _sessions.kept_until > now,
            _sessions.expires_at > now,
        )
        async with self._database.reading() as connection:
            sealed = (await connection.execute(query)).scalar()
        if sealed is None:
            return None
        try:
            opened = _cipher(raw_id).decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], hashed(raw_id)
            )
        except InvalidTag:
            return None  # somebody changed the row: there is nothing to show
        return opened.decode()


async def end_all(connection: AsyncConnection, person_id: int) -> None:
    """End every session of a person."""
    await connection.execute(delete(tables.web_sessions).where(_sessions.person_id == person_id))


def _cipher(raw_id: str) -> AESGCM:
    """Return the cipher whose key only the holder of the session's id can derive."""
    derivation = HKDF(SHA256(), length=32, salt=None, info=b"pgrok: token kept for its session")
    return AESGCM(derivation.derive(raw_id.encode("utf-8", "surrogatepass")))
