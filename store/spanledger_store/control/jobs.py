"""Jobs as all processes of an installation see them: who holds one, when it is due, how it went.

A lease lets one process at a time run a job; one that dies loses it after `LEASE_SECONDS`. Times are the database's
own, so that workers whose clocks differ agree about them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, update

from spanledger_store import extras
from spanledger_store.control import models
from spanledger_store.control.database import Control
from spanledger_store.control.errors import JobUnknown
from spanledger_store.control.upsert import insert

LEASE_SECONDS = 60
_table = models.jobs.c


@dataclass(frozen=True, slots=True)
class JobState:
    """One job. `owner` is '' where no process holds it; `error` is '' where the last run succeeded.

    `doing`, `done` of `total` (0: unknown) tell how far a run is that has begun and not ended. `failures` counts those
    since the last success.
    """

    name: str
    every_seconds: float
    owner: str
    is_running: bool
    is_asked_for: bool
    due_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    succeeded_at: datetime | None
    seconds: float | None
    changed: int | None
    runs: int
    failures: int
    error: str
    doing: str
    done: int
    total: int


def announce(control: Control, paces: Mapping[str, float]) -> None:
    """Make jobs known with their seconds from one run to the next; new ones are due at once."""
    if not paces:
        return
    with control.write() as connection:
        now = _now(connection)
        fresh = [{"name": name, "every_seconds": pace, "due_at": now} for name, pace in sorted(paces.items())]
        statement = insert(connection, models.jobs).values([_BLANK | row for row in fresh])
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["name"], set_={"every_seconds": statement.excluded.every_seconds}
            )
        )


def hold(control: Control, owner: str, names: Iterable[str], *, seconds: float = LEASE_SECONDS) -> dict[str, float]:
    """Lease what nobody else holds, and renew what `owner` has; each with the seconds until it is due.

    Overdue gives less than 0, a job that was asked for minus infinity.
    """
    with control.write() as connection:
        now = _now(connection)
        free = (_table.owner == owner) | (_table.leased_until <= now)
        mine = (_table.name.in_(sorted(names)), free)
        until = now + timedelta(seconds=seconds)
        # One statement: between two, another worker could take what the first has found free.
        taking = update(models.jobs).where(*mine).values(owner=owner, leased_until=until)
        rows = connection.execute(taking.returning(_table.name, _table.due_at, _table.asked_at)).all()
    return {name: -math.inf if asked is not None else (due - now).total_seconds() for name, due, asked in rows}


def release(control: Control, owner: str) -> None:
    """Let go of everything `owner` holds."""
    with control.write() as connection:
        connection.execute(
            update(models.jobs).where(_table.owner == owner).values(owner="", leased_until=_NEVER, is_running=False)
        )


def begin(control: Control, owner: str, name: str) -> bool:
    """Note that a run begins; False where another process has taken the job, which then must not run here."""
    with control.write() as connection:
        now = _now(connection)
        mine = (_table.name == name, _table.owner == owner, _table.leased_until > now)
        values: dict[str, Any] = {"is_running": True, "started_at": now, "asked_at": None, "doing": "", "done": 0}
        return connection.execute(update(models.jobs).where(*mine).values(**values, total=0)).rowcount == 1


def tell(control: Control, owner: str, name: str, doing: str, done: int, total: int) -> None:
    """Note how far a run is."""
    _change(control, (_table.name == name, _table.owner == owner), doing=doing, done=done, total=total)


def succeeded(control: Control, owner: str, name: str, *, changed: int, seconds: float) -> None:
    """Note a run that came to its end; the next is due a pace after this one began."""
    with control.write() as connection:
        now = _now(connection)
        pace = connection.execute(select(_table.every_seconds).where(_table.name == name)).scalar_one()
        due = now + timedelta(seconds=max(0.0, pace - seconds))
        connection.execute(
            update(models.jobs).where(_table.name == name, _table.owner == owner).values(
                is_running=False, finished_at=now, succeeded_at=now, seconds=seconds, changed=changed,
                runs=_table.runs + 1, failures=0, error="", due_at=due,
            )
        )  # fmt: skip


def failed(control: Control, owner: str, name: str, *, error: str, seconds: float, retry_seconds: float) -> None:
    """Note a run that failed; it is due again after `retry_seconds`. A missing library is told with its extra."""
    error = extras.remedy(error) or error
    with control.write() as connection:
        now = _now(connection)
        connection.execute(
            update(models.jobs).where(_table.name == name, _table.owner == owner).values(
                is_running=False, finished_at=now, seconds=seconds, runs=_table.runs + 1,
                failures=_table.failures + 1, error=error[:2000], due_at=now + timedelta(seconds=retry_seconds),
            )
        )  # fmt: skip


def ask(control: Control, name: str) -> datetime:
    """Ask for a run as soon as its holder can; the moment of asking. Raises JobUnknown."""
    with control.write() as connection:
        now = _now(connection)
        if connection.execute(update(models.jobs).where(_table.name == name).values(asked_at=now)).rowcount == 0:
            known = ", ".join(connection.execute(select(_table.name).order_by(_table.name)).scalars())
            raise JobUnknown(f"there is no job {name!r}. There are: {known or 'none yet'}.")
    return now


def states(control: Control) -> list[JobState]:
    """Every job that was ever announced, by name."""
    with control.read() as connection:
        now = _now(connection)
        rows = connection.execute(select(models.jobs).order_by(_table.name)).mappings().all()
    return [_state(row, now) for row in rows]


def _state(row: Mapping[Any, Any], now: datetime) -> JobState:
    held = row["leased_until"] > now
    return JobState(
        **{name: row[name] for name in _AS_STORED},
        owner=row["owner"] if held else "",
        is_running=row["is_running"] and held,
        is_asked_for=row["asked_at"] is not None,
    )


def _change(control: Control, where: Iterable[ColumnElement[bool]], **values: Any) -> None:
    with control.write() as connection:
        connection.execute(update(models.jobs).where(*where).values(**values))


def _now(connection: Connection) -> datetime:
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    return connection.execute(select(func.clock_timestamp())).scalar_one().astimezone(UTC)


_AS_STORED = ("name", "every_seconds", "due_at", "started_at", "finished_at", "succeeded_at", "seconds", "changed",
              "runs", "failures", "error", "doing", "done", "total")  # fmt: skip
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_BLANK: dict[str, Any] = {
    "owner": "", "leased_until": _NEVER, "is_running": False, "runs": 0, "failures": 0, "error": "", "doing": "",
    "done": 0, "total": 0,
}  # fmt: skip
