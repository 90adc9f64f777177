"""What collectors counted of what they received, by key and hour, and how each of them is.

A collector counts in its own spool, where the counting is exact, and copies what changed here every few seconds. So
several collectors add up, and what a lost spool file held can be named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from spanledger_store.control import models
from spanledger_store.control.database import Control
from spanledger_store.control.upsert import insert

COUNTS = ("requests", "acknowledged", "stored", "quarantined", "refused", "repeated")
HOUR_SECONDS = 3600
# Rows per statement: both databases bound the parameters of one statement.
_CHUNK = 500
_KEY = ("spool_id", "project_id", "ingest_key", "hour", "signal")


@dataclass(frozen=True, slots=True)
class Line:
    """Items of one signal that one key sent to one project in one hour (full hours since 1970, UTC).

    `counts` has the names of `COUNTS`; `waiting` items are in the spool. Exactly, at any moment:
    `acknowledged` = `waiting` + `stored` + `quarantined`. Items are spans, log records or data points.

    | count | of |
    |---|---|
    | requests | requests that were acknowledged, each once |
    | acknowledged | items on disk before their 200 was sent |
    | stored | items that are rows of the store since |
    | quarantined | items that were acknowledged and could not become rows |
    | refused | items that were not acknowledged, named in the answer and kept in quarantine |
    | repeated | items of requests that had been acknowledged before, and were acknowledged again |
    """

    project: str
    key: str
    hour: int
    signal: str
    counts: Mapping[str, int]
    waiting: int

    @property
    def missing(self) -> int:
        """Items that were acknowledged and are nowhere; 0 unless a spool's file was damaged."""
        held = self.counts
        return held["acknowledged"] - held["stored"] - held["quarantined"] - self.waiting

    @property
    def start(self) -> datetime:
        """The hour's beginning."""
        return datetime.fromtimestamp(self.hour * HOUR_SECONDS, UTC)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A spool at one moment: lines that changed, and what waits in it now (`oldest` in UTC nanoseconds)."""

    spool: str
    revision: int
    lines: list[Line]
    entries: int
    items: int
    bytes: int
    oldest: int | None


@dataclass(frozen=True, slots=True)
class SpoolState:
    """A collector's spool as it last reported itself; `last_error` is why items are waiting, '' for no reason."""

    id: str
    host: str
    directory: str
    reported_at: datetime
    entries: int
    items: int
    bytes: int
    max_bytes: int
    oldest_at: datetime | None
    disk_free: int
    disk_total: int
    last_error: str


def _hour(moment: datetime) -> int:
    """The first full hour that does not begin before a moment."""
    return -(-int(moment.timestamp()) // HOUR_SECONDS)


def revision(control: Control, spool: str) -> int:
    """Up to which of the spool's revisions its counters are here; -1 where it has never reported."""
    statement = select(models.spools.c.revision).where(models.spools.c.id == spool)
    with control.read() as connection:
        found = connection.execute(statement).scalar_one_or_none()
    return -1 if found is None else found


def report(control: Control, seen: Snapshot, state: SpoolState) -> None:
    """Take over a spool's counters and state, all of it or nothing; may be repeated."""
    rows = sorted(
        (
            {
                "spool_id": seen.spool,
                "project_id": line.project,
                "ingest_key": line.key,
                "hour": line.hour,
                "signal": line.signal,
                **line.counts,
                "waiting": line.waiting,
            }
            for line in seen.lines
        ),
        key=lambda row: tuple(row[name] for name in _KEY),
    )
    held: dict[str, Any] = {name: getattr(state, name) for name in SpoolState.__dataclass_fields__}
    with control.write() as connection:
        for at in range(0, len(rows), _CHUNK):
            statement = insert(connection, models.tallies).values(rows[at : at + _CHUNK])
            taken = {name: statement.excluded[name] for name in (*COUNTS, "waiting")}
            connection.execute(statement.on_conflict_do_update(index_elements=list(_KEY), set_=taken))
        statement = insert(connection, models.spools).values({**held, "id": seen.spool, "revision": seen.revision})
        changed = {name: statement.excluded[name] for name in (*held, "revision") if name != "id"}
        connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))


def lines(control: Control, start: datetime, end: datetime, project: str | None = None) -> list[tuple[str, Line]]:
    """(spool, line) of every hour that begins in [start, end), oldest first; of one project or of all."""
    table = models.tallies.c
    within = (table.hour >= _hour(start), table.hour < _hour(end))
    return _read(control, *within, *(() if project is None else (table.project_id == project,)))


def _read(control: Control, *conditions: ColumnElement[bool]) -> list[tuple[str, Line]]:
    table = models.tallies.c
    statement = (
        select(table.spool_id, table.project_id, table.ingest_key, table.hour, table.signal, table.waiting)
        .add_columns(*(table[name] for name in COUNTS))
        .where(*conditions)
        .order_by(table.hour, table.project_id, table.ingest_key, table.signal, table.spool_id)
    )
    with control.read() as connection:
        rows = connection.execute(statement).all()
    return [
        (spool, Line(of, key, hour, signal, dict(zip(COUNTS, counts, strict=True)), waiting))
        for spool, of, key, hour, signal, waiting, *counts in rows
    ]


def unbalanced(control: Control, start: datetime) -> list[tuple[str, Line]]:
    """(spool, line) of hours since `start` in which something acknowledged is nowhere, or more is there than came."""
    table = models.tallies.c
    off = table.acknowledged != table.stored + table.quarantined + table.waiting
    return _read(control, off, table.hour >= _hour(start))


def waiting(control: Control, spool: str) -> list[Line]:
    """What waited in a spool when it last reported, oldest first."""
    table = models.tallies.c
    return [line for _, line in _read(control, table.spool_id == spool, table.waiting > 0)]


def latest(control: Control, project: str | None = None) -> dict[tuple[str, str], datetime]:
    """(project, key) -> the last hour in which something of it was acknowledged."""
    table = models.tallies.c
    statement = (
        select(table.project_id, table.ingest_key, func.max(table.hour))
        .where(table.acknowledged > 0)
        .group_by(table.project_id, table.ingest_key)
    )
    if project is not None:
        statement = statement.where(table.project_id == project)
    with control.read() as connection:
        rows = connection.execute(statement).all()
    return {(of, key): datetime.fromtimestamp(hour * HOUR_SECONDS, UTC) for of, key, hour in rows}


def spools(control: Control) -> list[SpoolState]:
    """Every collector's spool as last reported, the latest report first."""
    columns = [models.spools.c[name] for name in SpoolState.__dataclass_fields__]
    with control.read() as connection:
        rows = connection.execute(select(*columns).order_by(models.spools.c.reported_at.desc(), columns[0])).all()
    return [SpoolState(*row) for row in rows]


def backlog(control: Control, since: datetime) -> int:
    """How many items wait in the spools that have reported themselves since then."""
    table = models.spools.c
    statement = select(func.coalesce(func.sum(table["items"]), 0)).where(table["reported_at"] >= since)
    with control.read() as connection:
        return int(connection.execute(statement).scalar_one())
