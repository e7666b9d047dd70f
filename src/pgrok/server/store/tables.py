"""The schema, the same on SQLite and PostgreSQL.

Every table begins with `pgrok_`, because a database of the original pgrok has tables named
`principles`, `host_keys` and `sessions`, and they stay as they are.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_index",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
    }
)


class Time(TypeDecorator[datetime]):
    """A time in UTC; SQLite has no time zones, so none is written there."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times, whose zone nobody knows."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite counts rows up by itself only in a column of type INTEGER, and gives the ids of deleted
# rows out again unless the table says `sqlite_autoincrement`.
Id = BigInteger().with_variant(Integer(), "sqlite")


def _person(*, primary_key: bool = False, nullable: bool = False) -> Column[int]:
    return Column(
        "person_id",
        Id,
        ForeignKey("pgrok_people.id", ondelete="CASCADE"),
        primary_key=primary_key,
        autoincrement=False,
        nullable=nullable,
        index=not primary_key,
    )


people = Table(
    "pgrok_people",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    # When the person was removed; from then on the name rests.
    Column("released_at", Time),
    sqlite_autoincrement=True,
)

identities = Table(
    "pgrok_identities",
    metadata,
    Column("id", Id, primary_key=True),
    _person(),
    Column("issuer", Text),
    Column("sub", Text),
    Column("identifier", Text, nullable=False, unique=True),
    UniqueConstraint("issuer", "sub"),
    sqlite_autoincrement=True,
)

tokens = Table(
    "pgrok_tokens",
    metadata,
    Column("id", Id, primary_key=True),
    _person(),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time),
    Column("last_used_at", Time),
    Column("revoked_at", Time),
    sqlite_autoincrement=True,
)

host_keys = Table(
    "pgrok_host_keys",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("pem", LargeBinary, nullable=False),
    Column("preferred", Boolean, nullable=False),
    Column("created_at", Time, nullable=False),
)

web_sessions = Table(
    "pgrok_web_sessions",
    metadata,
    Column("id_hash", LargeBinary, primary_key=True),
    _person(nullable=True),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False, index=True),
    # A new token, encrypted under the session's id, which only the browser has.
    Column("kept_token", LargeBinary),
    Column("kept_until", Time),
)

sign_ins = Table(
    "pgrok_sign_ins",
    metadata,
    Column("state_hash", LargeBinary, primary_key=True),
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("session_hash", LargeBinary, nullable=False),
    Column("return_path", Text, nullable=False),
    Column("expires_at", Time, nullable=False, index=True),
)

sign_in_links = Table(
    "pgrok_sign_in_links",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    _person(),
    Column("expires_at", Time, nullable=False),
)

ports = Table(
    "pgrok_ports",
    metadata,
    _person(primary_key=True),
    Column("port", Integer, nullable=False),
)

live_leases = Table(
    "pgrok_live_leases",
    metadata,
    # Who held which name and port when the daemon stopped, for the next one to wait for them. No
    # reference to people: one who has been removed since must not keep the others from waiting.
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("person_id", BigInteger, nullable=False),
    Column("instance", Text),
    Column("generation", BigInteger, nullable=False),
    Column("expires_at", Time, nullable=False),
)

imported = Table(
    "pgrok_imported",
    metadata,
    # The id in the original's `principles`; kept for ever, so that nobody is taken over twice.
    Column("principle_id", Id, primary_key=True, autoincrement=False),
)

version = Table(
    "pgrok_version",
    metadata,
    # One row. It rises with every change that must reach tunnels which are up.
    Column("value", Id, primary_key=True, autoincrement=False),
)
