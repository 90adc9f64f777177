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


def upgrade(connection: Connection) -> None:
    """Bring the schema to this release, inside the caller's transaction: all of it or nothing.

    The caller holds whatever keeps a second process from doing the same. Raises MigrationError where the
    database has a revision this release does not know.
    """
    config = _config(connection)
    scripts = ScriptDirectory.from_config(config)
    at = current(connection)
    if at == scripts.get_current_head():
        return
    if at is not None and at not in {script.revision for script in scripts.walk_revisions()}:
        raise MigrationError(
            f"the control database is at revision {at}, which this release does not know. "
            "Upgrade Spanledger, or restore a backup made before that upgrade."
        )
    command.upgrade(config, "head")
