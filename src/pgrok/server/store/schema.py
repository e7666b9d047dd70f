"""Bringing a database to the schema of this version."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from pgrok.errors import StoreError


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, in the connection's transaction.

    Raises `StoreError` if the database is of a newer version of pgrok.
    """
    try:
        command.upgrade(configuration(connection), "head")
    except CommandError as error:
        raise StoreError(
            "The database was written by a newer version of pgrok. Install that version or a "
            f"newer one. (Alembic says: {error})"
        ) from error


def configuration(connection: Connection) -> Config:
    """Return what Alembic needs to know to work on `connection`."""
    config = Config()
    config.set_main_option("script_location", "pgrok.server.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
