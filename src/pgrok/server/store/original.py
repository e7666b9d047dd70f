"""Taking over a database of the original pgrok, whose tables stay as they are.

It runs at every start: whoever signed in to the original since then is taken over as well,
and what is here already is never overwritten.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Container
from datetime import datetime

from sqlalchemy import Connection, Row, column, func, inspect, select, table, update
from sqlalchemy.ext.asyncio import AsyncConnection

from pgrok.errors import StoreError
from pgrok.server.store import host_keys, identities, people, tables
from pgrok.server.store.engine import Database
from pgrok.server.store.records import hashed
from pgrok.server.subdomains import candidates, label_from_identifier

TOKEN_LABEL = "original pgrok"  # noqa: S105 - what the token is called, not the token

_BLANK = "blanked-"

_principles = table(
    "principles",
    column("id"),
    column("identifier"),
    column("display_name"),
    column("token"),
    column("subdomain"),
    column("last_tcp_port"),
    column("created_at"),
)
_host_keys = table("host_keys", column("algorithm"), column("pem"), column("created_at"))


async def take_over(
    database: Database,
    connection: AsyncConnection,
    reserved: Container[str],
    now: datetime,
    free_since: datetime,
) -> None:
    """Bring people, identities, tokens, ports and host keys over where they are not yet.

    Names that removed people left at `free_since` or before are free.
    """
    if not await _is_here(connection):
        return
    # The original presents the key in the row "ecdsa", which is a second Ed25519 key: it goes
    # first, and so becomes the preferred one.
    keys = select(_host_keys).order_by(_host_keys.c.algorithm)
    for row in (await connection.execute(keys)).all():
        await host_keys.add(connection, bytes(row.pem), row.created_at)
    await host_keys.add_missing(connection, host_keys.WITH_THE_ORIGINAL, now)
    done = select(tables.imported.c.principle_id)
    new = select(_principles).where(_principles.c.id.not_in(done)).order_by(_principles.c.id)
    for row in (await connection.execute(new)).all():
        await _take_over_person(database, connection, row, reserved, free_since)


async def count(connection: AsyncConnection) -> int:
    """Return how many people of the original have been taken over."""
    query = select(func.count()).select_from(tables.imported)
    return int((await connection.execute(query)).scalar_one())


async def blank_tokens(connection: AsyncConnection) -> int:
    """Overwrite the tokens that the original keeps readable; return how many people had one.

    The column wants something unique that is not null, and the original's server would take
    whatever stands there as a token: so it gets random values that nobody has seen. Raises
    `StoreError` where there is no original.
    """
    if not await _is_here(connection):
        raise StoreError("This database has no tables of the original pgrok: nothing to finish.")
    readable = select(_principles.c.id).where(_principles.c.token.not_like(f"{_BLANK}%"))
    ids = (await connection.execute(readable)).scalars().all()
    for principle_id in ids:
        query = update(_principles).where(_principles.c.id == principle_id)
        await connection.execute(query.values(token=_BLANK + secrets.token_hex(32)))
    return len(ids)


async def _is_here(connection: AsyncConnection) -> bool:
    return await connection.run_sync(_has_original_tables)


def _has_original_tables(connection: Connection) -> bool:
    """Whether both tables are there with the columns that we read."""
    if connection.dialect.name != "postgresql":
        return False
    inspector = inspect(connection)
    return all(
        inspector.has_table(wanted.name)
        and {found["name"] for found in inspector.get_columns(wanted.name)} >= set(wanted.c.keys())
        for wanted in (_principles, _host_keys)
    )


async def _take_over_person(
    database: Database,
    connection: AsyncConnection,
    row: Row[tuple[object, ...]],
    reserved: Container[str],
    free_since: datetime,
) -> None:
    await connection.execute(tables.imported.insert().values(principle_id=row.id))
    known = await identities.named(connection, row.identifier)
    if known is None:
        newcomer = people.Newcomer(row.identifier, row.display_name, row.created_at)
        # The name stays as it is, dots and length and all, unless one of ours has it.
        fallback = label_from_identifier(f"{row.subdomain}-{row.id}")
        names = itertools.chain([row.subdomain], candidates(fallback, reserved))
        person_id = (await people.create(connection, newcomer, names, free_since)).id
    elif known["released_at"] is None:
        person_id = known["person_id"]
    else:
        return  # they were removed here, and their old token must not bring them back
    await _take_over_token(database, connection, person_id, row)
    if row.last_tcp_port is not None:
        port = database.insert(tables.ports).values(person_id=person_id, port=row.last_tcp_port)
        await connection.execute(port.on_conflict_do_nothing())


async def _take_over_token(
    database: Database, connection: AsyncConnection, person_id: int, row: Row[tuple[object, ...]]
) -> None:
    if not row.token or row.token.startswith(_BLANK):
        return
    token = database.insert(tables.tokens).values(
        person_id=person_id,
        hash=hashed(row.token),
        label=TOKEN_LABEL,
        created_at=row.created_at,
    )
    await connection.execute(token.on_conflict_do_nothing())
