"""The control database's schema, brought to this release by the Alembic revisions the package ships."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from spanledger_store.errors import MigrationError


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "revisions").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def current(connection: Connection) -> str | None:
    """The revision this database is at; None where it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def known(connection: Connection, revision: str) -> bool:
    """Whether this release can bring a database at that revision to its own."""
    scripts = ScriptDirectory.from_config(_config(connection))
    return revision in {script.revision for script in scripts.walk_revisions()}


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the schema to this release, or to the revision `to`, inside the caller's transaction: all of it or nothing.

    The caller holds whatever keeps a second process from doing the same. Raises MigrationError where the
    database has a revision this release does not know.
    """
    config = _config(connection)
    scripts = ScriptDirectory.from_config(config)
    at = current(connection)
    if at == scripts.get_current_head():
        return
    if at is not None and not known(connection, at):
        raise MigrationError(
            f"the control database is at revision {at}, which this release does not know. "
            "Upgrade Spanledger, or restore a backup made before that upgrade."
        )
    command.upgrade(config, to)
