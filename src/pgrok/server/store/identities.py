"""Identities: which account at the identity provider is which person."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from pgrok.errors import SignInRefused
from pgrok.server.store import tables

_identities = tables.identities.c


async def named(connection: AsyncConnection, identifier: str) -> RowMapping | None:
    """Return and lock the identity with this identifier, with its person's name and release."""
    return await _find(connection, _identities.identifier == identifier)


async def recognise(
    connection: AsyncConnection, issuer: str, sub: str, identifier: str
) -> int | None:
    """Return the id of the person whose account this is, or none for somebody new.

    Somebody known by `identifier` alone is bound to the account for good. Raises
    `SignInRefused` where they are bound to another one already.
    """
    bound = await _find(connection, (_identities.issuer == issuer) & (_identities.sub == sub))
    known = await named(connection, identifier)
    if bound is not None:
        if known is None:
            await _change(connection, bound, identifier=identifier)
        return int(bound["person_id"])
    if known is None:
        return None
    if known["sub"] is None:
        await _change(connection, known, issuer=issuer, sub=sub)
        return int(known["person_id"])
    if known["released_at"] is None:
        raise SignInRefused(
            f"{identifier} is bound to another account of the identity provider. If it is "
            "yours, ask an administrator to run: "
            f"pgrokd user link {known['name']} --rebind {identifier}"
        )
    # Whoever had it was removed; this is somebody else who now has the same identifier.
    await connection.execute(delete(tables.identities).where(_identities.id == known["id"]))
    return None


async def _find(connection: AsyncConnection, condition: ColumnElement[bool]) -> RowMapping | None:
    query = (
        select(tables.identities, tables.people.c.name, tables.people.c.released_at)
        .join(tables.people)
        .where(condition)
        .with_for_update(of=tables.identities)
    )
    return (await connection.execute(query)).mappings().first()


async def _change(connection: AsyncConnection, identity: RowMapping, **values: Any) -> None:
    query = update(tables.identities).where(_identities.id == identity["id"])
    await connection.execute(query.values(values))
