"""Begin: people and what belongs to them, host keys, sessions, sign-ins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create every table."""
    _create_people()
    _create_tokens()
    _create_host_keys()
    _create_sessions()
    _create_sign_ins()
    _create_bookkeeping()


def _person(*, primary_key: bool = False, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(
        "person_id",
        ID,
        sa.ForeignKey("pgrok_people.id", ondelete="CASCADE"),
        primary_key=primary_key,
        autoincrement=False,
        nullable=nullable,
        index=not primary_key,
    )


def _create_people() -> None:
    op.create_table(
        "pgrok_people",
        sa.Column("id", ID, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("released_at", TIME),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "pgrok_identities",
        sa.Column("id", ID, primary_key=True),
        _person(),
        sa.Column("issuer", sa.Text),
        sa.Column("sub", sa.Text),
        sa.Column("identifier", sa.Text, nullable=False, unique=True),
        sa.UniqueConstraint("issuer", "sub"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "pgrok_ports",
        _person(primary_key=True),
        sa.Column("port", sa.Integer, nullable=False),
    )


def _create_tokens() -> None:
    op.create_table(
        "pgrok_tokens",
        sa.Column("id", ID, primary_key=True),
        _person(),
        sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("last_used_at", TIME),
        sa.Column("revoked_at", TIME),
        sqlite_autoincrement=True,
    )


def _create_host_keys() -> None:
    op.create_table(
        "pgrok_host_keys",
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("algorithm", sa.Text, nullable=False),
        sa.Column("pem", sa.LargeBinary, nullable=False),
        sa.Column("preferred", sa.Boolean, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )


def _create_sessions() -> None:
    op.create_table(
        "pgrok_web_sessions",
        sa.Column("id_hash", sa.LargeBinary, primary_key=True),
        _person(nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False, index=True),
        sa.Column("kept_token", sa.LargeBinary),
        sa.Column("kept_until", TIME),
    )


def _create_sign_ins() -> None:
    op.create_table(
        "pgrok_sign_ins",
        sa.Column("state_hash", sa.LargeBinary, primary_key=True),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("verifier", sa.Text, nullable=False),
        sa.Column("session_hash", sa.LargeBinary, nullable=False),
        sa.Column("return_path", sa.Text, nullable=False),
        sa.Column("expires_at", TIME, nullable=False, index=True),
    )
    op.create_table(
        "pgrok_sign_in_links",
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        _person(),
        sa.Column("expires_at", TIME, nullable=False),
    )


def _create_bookkeeping() -> None:
    op.create_table(
        "pgrok_imported",
        sa.Column("principle_id", ID, primary_key=True, autoincrement=False),
    )
    version = op.create_table(
        "pgrok_version",
        sa.Column("value", ID, primary_key=True, autoincrement=False),
    )
    op.bulk_insert(version, [{"value": 0}])
