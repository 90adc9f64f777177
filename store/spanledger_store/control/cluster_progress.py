"""How far a codebook's vectors have been assigned, and when new topics were last looked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select

from spanledger_store.control.database import Control
from spanledger_store.control.embeddings import Hour
from spanledger_store.control.models import settings_kv
from spanledger_store.control.quality_models import assignment_hours
from spanledger_store.control.upsert import insert

_CHUNK: Final = 400
_LOOKS: Final = "emergence_looks"


def hours(control: Control, codebook: str, since: datetime) -> dict[datetime, Hour]:
    """The hours whose vectors have been assigned by a codebook, as they were then; `embedded` is how many."""
    table = assignment_hours.c
    statement = select(table.hour, table.rows, table.newest, table.assigned).where(
        table.codebook == codebook, table.hour >= since
    )
    with control.read() as connection:
        return {row[0]: Hour(row[0], row[1], row[2], 1.0, row[3]) for row in connection.execute(statement).all()}


def done(control: Control, codebook: str, listed: Sequence[Hour], outside: Mapping[datetime, int]) -> None:
    """Note hours whose vectors have been assigned, and how many of them newly were in no cluster."""
    table = assignment_hours
    rows = [
        {"codebook": codebook, "hour": each.hour, "rows": each.rows, "newest": each.newest,
         "assigned": each.embedded, "outside": outside.get(each.hour, 0)}
        for each in listed
    ]  # fmt: skip
    with control.write() as connection:
        for at in range(0, len(rows), _CHUNK):
            statement = insert(connection, table).values(rows[at : at + _CHUNK])
            changed: dict[str, Any] = {name: statement.excluded[name] for name in ("rows", "newest", "assigned")}
            changed["outside"] = table.c.outside + statement.excluded["outside"]
            connection.execute(statement.on_conflict_do_update(index_elements=["codebook", "hour"], set_=changed))


def outside(control: Control, codebook: str, since: datetime) -> tuple[int, int]:
    """(calls that a codebook has assigned since then, how many of them were in no cluster)."""
    table = assignment_hours.c
    statement = select(func.coalesce(func.sum(table.assigned), 0), func.coalesce(func.sum(table.outside), 0)).where(
        table.codebook == codebook, table.hour >= since
    )
    with control.read() as connection:
        row = connection.execute(statement).one()
    return int(row[0]), int(row[1])


def looks(control: Control) -> dict[str, datetime]:
    """When new topics of each project were last looked for."""
    with control.read() as connection:
        held = connection.execute(select(settings_kv.c.value).where(settings_kv.c.name == _LOOKS)).scalar_one_or_none()
    told: dict[str, str] = json.loads(bytes(held)) if held else {}
    return {project: datetime.fromisoformat(at) for project, at in told.items()}


def looked(control: Control, project: str, at: datetime) -> None:
    """Note that new topics of a project were looked for; by the one job that does."""
    told = {name: each.isoformat() for name, each in (looks(control) | {project: at}).items()}
    row = {"name": _LOOKS, "value": json.dumps(told).encode()}
    with control.write() as connection:
        statement = insert(connection, settings_kv).values(row)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded["value"]})
        )
