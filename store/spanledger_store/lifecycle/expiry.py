"""Taking expired rows out of tables partitioned by month: whole parts where possible, masked rows otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from string import Template
from typing import Any

from spanledger_store.engine import Engine
from spanledger_store.errors import QueryError
from spanledger_store.sql import load

# The engine has merged or dropped the part meanwhile; what is left of it is met by the next step.
_PART_GONE = "NO_SUCH_DATA_PART"
_WAIT = {"lightweight_deletes_sync": 2, "mutations_sync": 2}


@dataclass(frozen=True, slots=True)
class Table:
    """A table with `project_id`, and the column that says when a row's subject was."""

    name: str
    time: str


@dataclass(frozen=True, slots=True)
class Limits:
    """project -> the moment before which its rows have expired, a full UTC day."""

    ends: Mapping[str, datetime]

    def parameters(self) -> dict[str, Any]:
        """The limits as the statements take them."""
        return {
            "projects": list(self.ends),
            "ends": list(self.ends.values()),
            "latest": max(self.ends.values(), default=datetime.fromtimestamp(0, UTC)),
        }


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it was when looked at: its rows, and how many of them have expired."""

    month: str
    name: str
    rows: int
    expired: int

    @property
    def whole(self) -> bool:
        """True where nothing in it is kept."""
        return self.rows == self.expired


def expired(time: str) -> str:
    """The condition for rows past their limit, whose `time` column says when they were."""
    return Template(load("retention_expired")).substitute(time=time)


def counts(engine: Engine, table: Table, limits: Limits) -> dict[str, int]:
    """project -> rows past its limit, versions counted one by one."""
    sql = _about("retention_counts", table)
    return {project: int(n) for project, n in engine.rows(sql, limits.parameters())}


def parts(engine: Engine, table: Table, limits: Limits) -> list[Part]:
    """Parts that hold expired rows, or none that can be seen.

    They are listed before they are looked into: a part that is written meanwhile is not among them.
    On a cluster none is found: parts of different shards go by the same names.
    """
    if engine.cluster is not None:
        return []
    listed = engine.rows(load("retention_parts"), limits.parameters() | {"table": table.name})
    seen = {part: (n, gone) for part, n, gone in engine.rows(_about("retention_visible", table), limits.parameters())}
    found = [Part(month, part, *seen.get(part, (0, 0))) for month, part in listed]
    return [part for part in found if part.expired or part.whole]


def remove(engine: Engine, table: Table, limits: Limits) -> None:
    """Take every expired row of a table out of sight, and off the disk where its whole part has expired."""
    take_out(engine, table, limits, parts(engine, table, limits), expired(table.time))


def take_out(engine: Engine, table: Table, limits: Limits, found: Sequence[Part], condition: str) -> None:
    """Drop the whole parts among those found, then mask rows for which `condition` holds, month by month.

    Idempotent. A part that has been merged since it was found is not dropped; its rows are masked.
    """
    for part in found:
        if part.whole:
            _drop(engine, table, part)
    for month, kept in engine.rows(_about("retention_months", table), limits.parameters()):
        sql = Template(load("retention_delete")).substitute(table=table.name, month=month, expired=condition)
        engine.command(sql, limits.parameters(), _WAIT)
        if engine.cluster is not None and not kept:
            # No part was dropped above: what is masked as a whole leaves the disk here.
            sql = Template(load("retention_unmasked")).substitute(table=table.name, month=month)
            engine.command(sql, settings=_WAIT)


def _drop(engine: Engine, table: Table, part: Part) -> None:
    try:
        engine.command(f"ALTER TABLE {table.name} DROP PART {{part:String}}", {"part": part.name})
    except QueryError as error:
        if _PART_GONE not in str(error):
            raise


def _about(name: str, table: Table) -> str:
    return Template(load(name)).substitute(table=table.name, time=table.time, expired=expired(table.time))
