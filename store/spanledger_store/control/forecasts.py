"""Which forecast each project has: where it begins, and what the books it was made of came to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from spanledger_store.control.budgets import plain
from spanledger_store.control.database import Control
from spanledger_store.control.finance_models import forecast_runs
from spanledger_store.control.upsert import insert


@dataclass(frozen=True, slots=True)
class Run:
    """A project's newest forecasts; `spent` is the sum of the history they were made of, unchanged at `checked_at`."""

    project: str
    begins: datetime
    made_at: datetime
    checked_at: datetime
    spent: Decimal
    series: int


def find(control: Control, project: str) -> Run | None:
    """The project's newest run, or None."""
    table = forecast_runs
    with control.read() as connection:
        row = connection.execute(select(table).where(table.c.project_id == project)).mappings().one_or_none()
    if row is None:
        return None
    return Run(
        row["project_id"], row["begins"], row["made_at"], row["checked_at"], Decimal(row["spent"]), row["series"]
    )


def note(control: Control, run: Run) -> None:
    """Keep a run as its project's newest."""
    row = {
        "project_id": run.project,
        "begins": run.begins,
        "made_at": run.made_at,
        "checked_at": run.checked_at,
        "spent": plain(run.spent),
        "series": run.series,
    }
    with control.write() as connection:
        statement = insert(connection, forecast_runs).values(row)
        changed = {name: statement.excluded[name] for name in row if name != "project_id"}
        connection.execute(statement.on_conflict_do_update(index_elements=["project_id"], set_=changed))


def checked(control: Control, run: Run, at: datetime) -> None:
    """Note that the books were still those of the run."""
    note(control, replace(run, checked_at=at))
