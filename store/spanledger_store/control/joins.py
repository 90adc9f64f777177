"""What waits to be joined to its span: the join's work list, kept like that of the ledger (see `dirty`).

A mark names a trace or a model's response, and the UTC hour of what was told about it, which bounds the search.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sqlalchemy import delete, func, select

from spanledger_store.control import counting, models
from spanledger_store.control.database import Control
from spanledger_store.control.upsert import insert

Kind = Literal["trace", "response"]

LONGEST_SUBJECT = 200
_COUNTER = "join_generation"
# Rows per statement: both databases bound the parameters of one statement.
_CHUNK = 500


class Waiting(NamedTuple):
    """A trace, or a response of a model, about which something was told in `hour` (full hours since 1970, UTC)."""

    project_id: str
    hour: int
    kind: Kind
    subject: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A subject as it stood on the list when it was read."""

    waiting: Waiting
    generation: int


def mark(control: Control, subjects: Iterable[Waiting]) -> None:
    """Put subjects on the list, all of them or none; durable when this returns."""
    # Sorted: PostgreSQL locks row by row, and two marks in opposite orders would wait for each other.
    wanted = sorted(set(subjects))
    if not wanted:
        return
    with control.write() as connection:
        first = counting.take(connection, _COUNTER, len(wanted))
        rows = [{**each._asdict(), "generation": first + i} for i, each in enumerate(wanted)]
        for at in range(0, len(rows), _CHUNK):
            statement = insert(connection, models.pending_joins).values(rows[at : at + _CHUNK])
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["project_id", "hour", "kind", "subject"],
                    set_={"generation": statement.excluded.generation},
                )
            )


def pending(control: Control, limit: int | None = None) -> list[Mark]:
    """What waits, the oldest marks first."""
    table = models.pending_joins.c
    statement = (
        select(table.project_id, table.hour, table.kind, table.subject, table.generation)
        .order_by(table.generation)
        .limit(limit)
    )
    with control.read() as connection:
        return [Mark(Waiting(*row[:4]), row[4]) for row in connection.execute(statement).all()]


def count(control: Control) -> int:
    """How many subjects wait."""
    with control.read() as connection:
        return connection.execute(select(func.count()).select_from(models.pending_joins)).scalar_one()


def clear(control: Control, done: Iterable[Mark]) -> None:
    """Take subjects off the list, each only if nothing has marked it since it was read."""
    table = models.pending_joins.c
    with control.write() as connection:
        for each in sorted(done, key=lambda each: each.waiting):
            connection.execute(
                delete(models.pending_joins).where(
                    table.project_id == each.waiting.project_id,
                    table.hour == each.waiting.hour,
                    table.kind == each.waiting.kind,
                    table.subject == each.waiting.subject,
                    table.generation == each.generation,
                )
            )
