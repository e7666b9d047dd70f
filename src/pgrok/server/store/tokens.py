"""Tokens: what clients authenticate with. Only their hashes are kept."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Row, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from pgrok.server.store import tables
from pgrok.server.store.changes import announce
from pgrok.server.store.engine import Database
from pgrok.server.store.records import Clock, Login, Person, Token, hashed
from pgrok.server.store.together import Together

PREFIX = "pgrok_"
"""How every token of ours begins, so that people and secret scanners recognise one."""

RANDOM_BYTES = 24
"""192 bits, written in hex: a double click selects all of it."""

_tokens = tables.tokens.c
_people = tables.people.c


class Tokens:
    """The tokens of one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._used: dict[int, datetime] = {}
        self._logins = Together(self._find)

    async def check(self, text: str) -> Login | None:
        """Return whose token `text` is, or none if it is unknown, revoked or expired.

        One indexed look-up, together with the others that are asked for at the same time; that
        the token was used is written by the next `flush`.
        """
        digest = hashed(text)
        row = await self._logins.ask(digest)
        if row is None or not hmac.compare_digest(row.hash, digest):
            return None
        self._used[row.token_id] = self._clock()
        person = Person(row.id, row.name, row.display_name, row.created_at)
        return Login(person, row.token_id, row.expires_at)

    async def _find(self, digests: Collection[bytes]) -> Mapping[bytes, Row[Any]]:
        values = {"digests": list(digests), "now": self._clock()}
        async with self._database.reading() as connection:
            return {row.hash: row for row in await connection.execute(_LOGINS, values)}

    async def issue(self, person_id: int, label: str, expires_at: datetime | None = None) -> str:
        """Return a new token of a person; this is the only time that its text is known."""
        text = PREFIX + secrets.token_hex(RANDOM_BYTES)
        async with self._database.writing() as connection:
            await connection.execute(
                insert(tables.tokens).values(
                    person_id=person_id,
                    hash=hashed(text),
                    label=label,
                    created_at=self._clock(),
                    expires_at=expires_at,
                )
            )
        return text

    async def revoke(self, token_id: int) -> None:
        """End a token, and with it the tunnels that were opened with it."""
        async with self._database.writing() as connection:
            await _revoke(connection, _tokens.id == token_id, self._clock())
            await announce(connection)

    async def active(self, person_id: int) -> list[Token]:
        """Return a person's tokens that are neither revoked nor expired, the oldest first."""
        columns = [column for column in tables.tokens.c if column.name != "hash"]
        query = (
            select(*columns)
            .join(tables.people)
            .where(_tokens.person_id == person_id, _active(self._clock()))
            .order_by(_tokens.id)
        )
        async with self._database.reading() as connection:
            return [Token(**row) for row in (await connection.execute(query)).mappings()]

    async def valid(self, token_ids: Collection[int]) -> set[int]:
        """Return those of `token_ids` that are neither revoked nor expired."""
        query = (
            select(_tokens.id)
            .join(tables.people)
            .where(_tokens.id.in_(token_ids), _active(self._clock()))
        )
        async with self._database.reading() as connection:
            return set((await connection.execute(query)).scalars())

    async def flush(self) -> None:
        """Write when tokens were used; what cannot be written is kept for the next time."""
        used = dict(self._used)
        if not used:
            return
        rows = [{"token": token_id, "used": at} for token_id, at in used.items()]
        query = update(tables.tokens).where(_tokens.id == bindparam("token"))
        async with self._database.writing() as connection:
            await connection.execute(query.values(last_used_at=bindparam("used")), rows)
        for token_id, at in used.items():
            if self._used.get(token_id) == at:
                del self._used[token_id]


async def revoke_all(connection: AsyncConnection, person_id: int, now: datetime) -> None:
    """End every token of a person."""
    await _revoke(connection, _tokens.person_id == person_id, now)


async def _revoke(
    connection: AsyncConnection, condition: ColumnElement[bool], now: datetime
) -> None:
    query = update(tables.tokens).where(condition, _tokens.revoked_at.is_(None))
    await connection.execute(query.values(revoked_at=now))


def _active(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    unexpired = or_(_tokens.expires_at.is_(None), _tokens.expires_at > now)
    return unexpired & _tokens.revoked_at.is_(None) & _people.released_at.is_(None)


_LOGINS = (
    select(_tokens.id.label("token_id"), _tokens.hash, _tokens.expires_at, tables.people)
    .join(tables.people)
    .where(_tokens.hash.in_(bindparam("digests", expanding=True)), _active(bindparam("now")))
)
"""Made once: to put it together takes longer than to have it answered."""
