"""People and their identities: who is who, and under which name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from pgrok.errors import Conflict
from pgrok.server.store import identities, sign_ins, tables, tokens, web_sessions
from pgrok.server.store.changes import announce
from pgrok.server.store.engine import Database, RaceLost
from pgrok.server.store.records import Clock, Identity, Person
from pgrok.server.subdomains import candidates, label_from_identifier

ATTEMPTS = 20
"""How often a name is chosen anew because somebody else just took the one chosen."""

_people = tables.people.c
_identities = tables.identities.c


class People:
    """The people of one database. Removed ones are invisible until they come back.

    Their names rest for `rest` before somebody else can have them.
    """

    def __init__(
        self, database: Database, clock: Clock, reserved: Container[str], rest: timedelta
    ) -> None:
        self._database = database
        self._clock = clock
        self._reserved = reserved
        self._rest = rest

    async def get(self, person_id: int) -> Person | None:
        """Return the person with this id."""
        return await self._one(_people.id == person_id)

    async def by_name(self, name: str) -> Person | None:
        """Return the person whose tunnels have this name."""
        return await self._one(_people.name == name)

    async def by_identifier(self, identifier: str) -> Person | None:
        """Return the person who has this identifier."""
        owner = select(_identities.person_id).where(_identities.identifier == identifier)
        return await self._one(_people.id.in_(owner))

    async def all(self) -> list[Person]:
        """Return everybody, ordered by name."""
        query = select(tables.people).where(_people.released_at.is_(None)).order_by(_people.name)
        async with self._database.reading() as connection:
            return [_person(row) for row in (await connection.execute(query)).mappings()]

    async def identities(self, person_id: int) -> list[Identity]:
        """Return how a person is known outside."""
        query = select(tables.identities).where(_identities.person_id == person_id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.order_by(_identities.id))).mappings()
            return [Identity(**row) for row in rows]

    async def add(self, identifier: str, display_name: str) -> Person:
        """Add somebody who has not signed in yet; their first sign-in will bind them.

        A removed person with that identifier comes back under their name. Raises `Conflict`
        if somebody has the identifier, `NameRefused` if no name can be made from it.
        """

        async def write(connection: AsyncConnection) -> Person:
            known = await identities.named(connection, identifier)
            if known is None:
                newcomer = Newcomer(identifier, display_name, self._clock())
                return await self._create(connection, newcomer)
            if known["released_at"] is None:
                raise Conflict(f"{identifier} is already here, under the name {known['name']}.")
            return await _welcome(connection, known["person_id"], display_name)

        return await self._until_unique(write)

    async def sign_in(self, issuer: str, sub: str, identifier: str, display_name: str) -> Person:
        """Return the person whom the identity provider says this is, a new one at need.

        Raises `SignInRefused` if the identifier belongs to another account there, `NameRefused`
        if no name can be made from it.
        """

        async def write(connection: AsyncConnection) -> Person:
            person_id = await identities.recognise(connection, issuer, sub, identifier)
            if person_id is not None:
                return await _welcome(connection, person_id, display_name)
            newcomer = Newcomer(identifier, display_name, self._clock(), issuer, sub)
            return await self._create(connection, newcomer)

        return await self._until_unique(write)

    async def rebind(self, person_id: int, identifier: str) -> None:
        """Let the next sign-in with `identifier` be this person's, whichever account it has.

        Sessions of the person end. Raises `Conflict` if somebody else has the identifier.
        """
        row = {"person_id": person_id, "identifier": identifier, "issuer": None, "sub": None}
        async with self._database.writing() as connection:
            owner = await identities.named(connection, identifier)
            if owner and owner["released_at"] is None and owner["person_id"] != person_id:
                raise Conflict(f"{identifier} belongs to {owner['name']}.")
            await connection.execute(
                self._database.insert(tables.identities)
                .values(row)
                .on_conflict_do_update(index_elements=[_identities.identifier], set_=row)
            )
            await web_sessions.end_all(connection, person_id)

    async def remove(self, person_id: int) -> None:
        """Remove a person: their tokens, sessions and links end, their name rests."""
        now = self._clock()
        async with self._database.writing() as connection:
            await connection.execute(
                update(tables.people).where(_people.id == person_id).values(released_at=now)
            )
            await tokens.revoke_all(connection, person_id, now)
            await web_sessions.end_all(connection, person_id)
            await sign_ins.void_links(connection, person_id)
            await announce(connection)

    async def _one(self, condition: Any) -> Person | None:
        query = select(tables.people).where(condition, _people.released_at.is_(None))
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).mappings().first()
        return _person(row) if row else None

    async def _create(self, connection: AsyncConnection, newcomer: Newcomer) -> Person:
        names = candidates(label_from_identifier(newcomer.identifier), self._reserved)
        return await create(connection, newcomer, names, self._clock() - self._rest)

    async def _until_unique(self, write: Callable[[AsyncConnection], Awaitable[Person]]) -> Person:
        """Run `write` in a transaction, again whenever somebody else was faster."""
        for _ in range(ATTEMPTS):
            with suppress(RaceLost):
                async with self._database.writing() as connection:
                    return await write(connection)
        raise Conflict("Too many people sign in at this moment. Try again.")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody to create; `issuer` and `sub` are missing until their first sign-in."""

    identifier: str
    display_name: str
    created_at: datetime
    issuer: str | None = None
    sub: str | None = None


async def create(
    connection: AsyncConnection, newcomer: Newcomer, names: Iterable[str], free_since: datetime
) -> Person:
    """Create a person under the first of `names` that nobody has, nor has left since then."""
    query = (
        insert(tables.people)
        .values(
            name=await _free_name(connection, names, free_since),
            display_name=newcomer.display_name,
            created_at=newcomer.created_at,
        )
        .returning(*tables.people.c)
    )
    person = _person((await connection.execute(query)).mappings().one())
    await connection.execute(
        insert(tables.identities).values(
            person_id=person.id,
            issuer=newcomer.issuer,
            sub=newcomer.sub,
            identifier=newcomer.identifier,
        )
    )
    return person


async def _free_name(
    connection: AsyncConnection, names: Iterable[str], free_since: datetime
) -> str:
    """Return the first free name, and forget who left it if that is long enough ago."""
    for name in names:
        query = select(_people.id, _people.released_at).where(_people.name == name)
        holder = (await connection.execute(query)).first()
        if holder is None:
            return name
        if holder.released_at is not None and holder.released_at <= free_since:
            await connection.execute(delete(tables.people).where(_people.id == holder.id))
            return name
    raise Conflict("None of the names is free.")


async def _welcome(connection: AsyncConnection, person_id: int, display_name: str) -> Person:
    """Return a known person under the display name they have now; who was removed is back."""
    query = (
        update(tables.people)
        .where(_people.id == person_id)
        .values(display_name=display_name, released_at=None)
        .returning(*tables.people.c)
    )
    return _person((await connection.execute(query)).mappings().one())


def _person(row: RowMapping) -> Person:
    return Person(row["id"], row["name"], row["display_name"], row["created_at"])
