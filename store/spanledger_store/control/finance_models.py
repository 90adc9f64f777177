"""The control database's tables of finance, as the newest Alembic revision leaves them; a test keeps the two equal."""

from __future__ import annotations

from spanledger_store.control.models import metadata

__all__ = ["metadata"]
