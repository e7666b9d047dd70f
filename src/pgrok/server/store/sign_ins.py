"""Sign-ins under way at the identity provider, and one-time sign-in links; each works once."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pgrok.server.store import tables
from pgrok.server.store.engine import Database
from pgrok.server.store.records import Clock, SignIn, hashed

LIFETIME = timedelta(minutes=10)
"""How long somebody may take at the identity provider."""

MAX_UNDER_WAY = 10_000
"""Sign-ins that may be under way: anybody can begin one. Beyond it the oldest are forgotten."""

_sign_ins = tables.sign_ins.c
_links = tables.sign_in_links.c


class SignIns:
    """The sign-ins and sign-in links of one database; a link works for `link_lifetime`."""

    def __init__(self, database: Database, clock: Clock, link_lifetime: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._link_lifetime = link_lifetime

    async def begin(
        self, state: str, nonce: str, verifier: str, session_id: str, return_path: str
    ) -> None:
        """Remember a sign-in that the session with the raw id `session_id` begins.

        `state`, `nonce` and the PKCE `verifier` are three different random values.
        """
        now = self._clock()
        kept = {
            "nonce": nonce,
            "verifier": verifier,
            "session_hash": hashed(session_id),
            "return_path": return_path,
            "expires_at": now + LIFETIME,
        }
        async with self._database.writing() as connection:
            await connection.execute(delete(tables.sign_ins).where(_sign_ins.expires_at <= now))
            await _forget_oldest(connection)
            await connection.execute(
                insert(tables.sign_ins).values(state_hash=hashed(state), **kept)
            )

    async def take(self, state: str) -> SignIn | None:
        """Return the sign-in that `state` names, once, and only before it expires."""
        kept = [column for column in _sign_ins if column is not _sign_ins.state_hash]
        query = (
            delete(tables.sign_ins).where(_sign_ins.state_hash == hashed(state)).returning(*kept)
        )
        async with self._database.writing() as connection:
            row = (await connection.execute(query)).mappings().first()
        if row is None or row["expires_at"] <= self._clock():
            return None
        return SignIn(state=state, **row)

    async def issue_link(self, person_id: int) -> str:
        """Return the secret of a link that signs a person in, once, while it works."""
        raw, now = secrets.token_urlsafe(32), self._clock()
        async with self._database.writing() as connection:
            await connection.execute(delete(tables.sign_in_links).where(_links.expires_at <= now))
            await connection.execute(
                insert(tables.sign_in_links).values(
                    hash=hashed(raw), person_id=person_id, expires_at=now + self._link_lifetime
                )
            )
        return raw

    async def take_link(self, raw: str) -> int | None:
        """Return the id of the person whom the link signs in, once, before it expires."""
        query = (
            delete(tables.sign_in_links)
            .where(_links.hash == hashed(raw))
            .returning(_links.person_id, _links.expires_at)
        )
        async with self._database.writing() as connection:
            row = (await connection.execute(query)).first()
        if row is None or row.expires_at <= self._clock():
            return None
        return int(row.person_id)


async def _forget_oldest(connection: AsyncConnection) -> None:
    """Make room, if there is none: for a tenth of all, so that a flood rarely needs it."""
    number = await connection.scalar(select(func.count()).select_from(tables.sign_ins))
    if number is None or number < MAX_UNDER_WAY:
        return
    by_age = select(_sign_ins.expires_at).order_by(_sign_ins.expires_at)
    last = by_age.offset(MAX_UNDER_WAY // 10).limit(1).scalar_subquery()
    await connection.execute(delete(tables.sign_ins).where(_sign_ins.expires_at <= last))


async def void_links(connection: AsyncConnection, person_id: int) -> None:
    """Void every sign-in link of a person."""
    await connection.execute(delete(tables.sign_in_links).where(_links.person_id == person_id))
