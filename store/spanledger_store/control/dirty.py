"""Dirty hours: the ledger's work list, exact without clocks.

A mark gives its hour a generation never given before. The worker reads the list, recomputes an hour, and
clears it by the generation it read; a mark made meanwhile has another generation and so survives. Counting
up per row instead would give a cleared and re-marked hour its old generation back, and a slow second worker
could then clear a mark it never served.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, select, update

from spanledger_store.control import counting, models
from spanledger_store.control.database import Control
from spanledger_store.control.upsert import insert

_COUNTER = "dirty_generation"
# Rows per statement: both databases bound the parameters of one statement.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class DirtyHour:
    """An hour whose ledger no longer equals its spans, as it was when read."""

    project_id: str
    hour: datetime
    generation: int


def floor(moment: datetime) -> datetime:
    """The full UTC hour a moment lies in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def mark(control: Control, hours: Iterable[tuple[str, datetime]]) -> None:
    """Put hours on the list, all of them or none; durable when this returns.

    A moment within the hour does as well as its beginning. The order of `hours` and repeats do not matter.
    """
    # Sorted: PostgreSQL locks row by row, and two marks in opposite orders would wait for each other.
    wanted = sorted({(project_id, floor(moment)) for project_id, moment in hours})
    if not wanted:
        return
    with control.write() as connection:
        generation = counting.take(connection, _COUNTER, len(wanted))
        rows = [
            {
                "project_id": project_id,
                "hour": hour,
                "generation": generation + i,
                "waiting_since": generation + i,
            }
            for i, (project_id, hour) in enumerate(wanted)
        ]
        for at in range(0, len(rows), _CHUNK):
            statement = insert(connection, models.dirty_hours).values(rows[at : at + _CHUNK])
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["project_id", "hour"], set_={"generation": statement.excluded.generation}
                )
            )


def pending(control: Control, limit: int | None = None) -> list[DirtyHour]:
    """The hours to recompute, the longest waiting first."""
    table = models.dirty_hours.c
    statement = (
        select(table.project_id, table.hour, table.generation)
        .order_by(table.waiting_since, table.project_id, table.hour)
        .limit(limit)
    )
    with control.read() as connection:
        return [DirtyHour(*row) for row in connection.execute(statement).all()]


def newest(control: Control, project_id: str, since: datetime, limit: int) -> list[datetime]:
    """The newest hours of a project that wait, from `since` on and at most `limit`, oldest first."""
    table = models.dirty_hours.c
    statement = (
        select(table.hour)
        .where(table.project_id == project_id, table.hour >= floor(since))
        .order_by(table.hour.desc())
        .limit(limit)
    )
    with control.read() as connection:
        return sorted(connection.execute(statement).scalars())


def count(control: Control) -> int:
    """How many hours wait."""
    with control.read() as connection:
        return connection.execute(select(func.count()).select_from(models.dirty_hours)).scalar_one()


def clear(control: Control, done: Iterable[DirtyHour]) -> None:
    """Take hours off the list, each only if nothing has marked it since it was read.

    An hour that stays goes to the end of the line, so that one that never rests cannot hold up the others.
    """
    table = models.dirty_hours.c
    finished = sorted(done, key=lambda each: (each.project_id, each.hour))
    if not finished:
        return
    with control.write() as connection:
        for each in finished:
            same = (table.project_id == each.project_id, table.hour == each.hour)
            removed = connection.execute(delete(models.dirty_hours).where(*same, table.generation == each.generation))
            if removed.rowcount == 0:
                connection.execute(update(models.dirty_hours).where(*same).values(waiting_since=table.generation))
