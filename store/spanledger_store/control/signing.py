"""The secret that signs this installation's sessions."""

from __future__ import annotations

import secrets

from sqlalchemy import select

from spanledger_store.control import models
from spanledger_store.control.database import Control
from spanledger_store.control.upsert import insert

_NAME = "signing_secret"


def signing_secret(control: Control) -> bytes:
    """32 random bytes, made on first use and the same ever after, for every process."""
    wanted = select(models.settings_kv.c.value).where(models.settings_kv.c.name == _NAME)
    with control.read() as connection:
        found = connection.execute(wanted).scalar_one_or_none()
    if found is None:
        with control.write() as connection:
            row = {"name": _NAME, "value": secrets.token_bytes(32)}
            connection.execute(insert(connection, models.settings_kv).values(row).on_conflict_do_nothing())
            found = connection.execute(wanted).scalar_one()
    return bytes(found)
