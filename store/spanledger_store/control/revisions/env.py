"""Alembic's entry point: runs on the connection, and inside the transaction, that `upgrade` hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from spanledger_store.control.quality_models import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
