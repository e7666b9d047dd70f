"""What Alembic runs: the steps that are missing, on the connection that it was handed."""

from __future__ import annotations

from alembic import context

from pgrok.server.store.schema import VERSION_TABLE
from pgrok.server.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
