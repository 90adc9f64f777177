"""Quarantine: what was acknowledged but cannot be taken in, kept whole until somebody looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from sqlalchemy import delete, func, select

from spanledger_store.control import models
from spanledger_store.control.database import Control
from spanledger_store.control.upsert import insert

_table = models.quarantine.c
_columns = [column for column in _table if column.name != "payload"]


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One input that could not be taken, without its bytes; `size` says how many there are."""

    id: str
    project_id: str
    received_at: datetime
    reason: str
    detail: str
    span_count: int
    size: int


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many entries, and spans in them, one reason has."""

    reason: str
    entries: int
    spans: int


def add(
    control: Control,
    *,
    project_id: str,
    reason: str,
    detail: str,
    span_count: int,
    payload: bytes,
    received_at: datetime | None = None,
) -> str:
    """Keep an input; its id. The same bytes of the same project are kept once, however often they are added.

    `reason` is a short slug that entries are counted by, `detail` the sentence that explains this one.
    """
    entry_id = sha256(project_id.encode() + b"\0" + payload).hexdigest()[:32]
    row = {
        "id": entry_id,
        "project_id": project_id,
        "received_at": received_at or datetime.now(UTC),
        "reason": reason[:64],
        # PostgreSQL holds no NUL in a text, and a detail may quote hostile input.
        "detail": detail.replace("\0", "�"),
        "span_count": span_count,
        "payload": payload,
    }
    with control.write() as connection:
        connection.execute(insert(connection, models.quarantine).values(row).on_conflict_do_nothing())
    return entry_id


def listing(control: Control, limit: int | None = 100) -> list[Quarantined]:
    """The newest entries first."""
    statement = (
        select(*_columns, func.length(_table.payload)).order_by(_table.received_at.desc(), _table.id).limit(limit)
    )
    with control.read() as connection:
        return [Quarantined(*row) for row in connection.execute(statement).all()]


def count(control: Control) -> int:
    """How many entries there are."""
    with control.read() as connection:
        return connection.execute(select(func.count()).select_from(models.quarantine)).scalar_one()


def newest(control: Control, project: str, reason: str) -> Quarantined | None:
    """The latest entry of a project that is there for this reason, or None."""
    statement = (
        select(*_columns, func.length(_table.payload))
        .where(_table.project_id == project, _table.reason == reason)
        .order_by(_table.received_at.desc(), _table.id)
        .limit(1)
    )
    with control.read() as connection:
        row = connection.execute(statement).one_or_none()
    return None if row is None else Quarantined(*row)


def reasons(control: Control, project: str | None = None) -> list[ReasonCount]:
    """Entries and spans by reason, the most frequent first; of one project or of all."""
    entries = func.count()
    statement = (
        select(_table.reason, entries, func.coalesce(func.sum(_table.span_count), 0))
        .group_by(_table.reason)
        .order_by(entries.desc(), _table.reason)
    )
    if project is not None:
        statement = statement.where(_table.project_id == project)
    with control.read() as connection:
        return [ReasonCount(reason, n, int(spans)) for reason, n, spans in connection.execute(statement).all()]


def get(control: Control, entry_id: str) -> Quarantined | None:
    """One entry, or None."""
    statement = select(*_columns, func.length(_table.payload)).where(_table.id == entry_id)
    with control.read() as connection:
        row = connection.execute(statement).one_or_none()
    return None if row is None else Quarantined(*row)


def payload(control: Control, entry_id: str) -> bytes | None:
    """One entry's bytes as they were received, or None."""
    with control.read() as connection:
        found = connection.execute(select(_table.payload).where(_table.id == entry_id)).scalar_one_or_none()
    return None if found is None else bytes(found)


def remove(control: Control, entry_id: str) -> bool:
    """Forget one entry; False where there was none."""
    with control.write() as connection:
        return connection.execute(delete(models.quarantine).where(_table.id == entry_id)).rowcount > 0
