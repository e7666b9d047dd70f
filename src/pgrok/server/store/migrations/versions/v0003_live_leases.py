"""Who held the names that were live when a daemon stopped, and the ports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table in the place of the one for names alone, which is of use for a minute."""
    op.drop_table("pgrok_live_names")
    op.create_table(
        "pgrok_live_leases",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("person_id", sa.BigInteger, nullable=False),
        sa.Column("instance", sa.Text),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
