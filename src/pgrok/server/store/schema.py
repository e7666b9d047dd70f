"""Bringing a database to the schema of this version."""

from __future__ import annotations

from sqlalchemy import Connection, column, inspect, select, table

from pgrok.errors import StoreError

VERSION_TABLE = "pgrok_schema_version"

HEAD = "0003"
"""The migration after which a database has the schema of `tables`."""


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, in the connection's transaction.

    Raises `StoreError` if the database is of a newer version of pgrok.
    """
    if _current(connection) == HEAD:
        return
    # Importing Alembic takes longer than a command on a database that is up to date.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "pgrok.server.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise StoreError(
            "The database was written by a newer version of pgrok. Install that version or a "
            f"newer one. (Alembic says: {error})"
        ) from error


def _current(connection: Connection) -> str | None:
    """Return the last migration that ran."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    versions = table(VERSION_TABLE, column("version_num"))
    return connection.execute(select(versions.c.version_num)).scalar()
