"""Which thresholds budgets have crossed: each is told once per period, value and amount.

A raised amount arms its budget again, and so does the next period; late calls, new prices and a lowered amount do not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, delete, select

from spanledger_store.control import notices
from spanledger_store.control.budgets import plain
from spanledger_store.control.database import Control
from spanledger_store.control.finance_models import budget_alerts as table
from spanledger_store.control.models import budgets
from spanledger_store.control.notices import Notice
from spanledger_store.control.upsert import add

PROJECTED: Final = 0
"""The threshold of a period that is going to end above its limit."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A threshold (per cent of the limit, or PROJECTED) that a budget's value crossed in the period from `start`."""

    project: str
    budget_id: str
    start: datetime
    value: str
    threshold: int
    amount: Decimal
    spent: Decimal
    limit: Decimal
    raised_at: datetime | None = None

    @property
    def key(self) -> str:
        """What makes it this alert and no other."""
        parts = (self.budget_id, self.start.astimezone(UTC).isoformat(), self.value, str(self.threshold))
        return "\0".join((*parts, plain(self.amount)))

    def as_json(self) -> dict[str, Any]:
        """The alert as JSON takes it; amounts are strings of all their digits."""
        return {
            "budget_id": self.budget_id,
            "value": self.value or None,
            "start": self.start.isoformat(),
            "threshold": self.threshold or "projected",
            "amount": plain(self.amount),
            "spent": plain(self.spent),
            "limit": plain(self.limit),
            "raised_at": None if self.raised_at is None else self.raised_at.isoformat(),
        }


Known = Mapping[tuple[str, datetime, str], Mapping[int, Decimal]]
"""(budget, start of the period, value) -> threshold -> the largest amount at which it was raised."""


def known(control: Control, starts: Collection[datetime]) -> Known:
    """What has been raised in the periods that begin at any of `starts`."""
    found: dict[tuple[str, datetime, str], dict[int, Decimal]] = {}
    statement = select(table).where(table.c.start.in_(sorted(set(starts))))
    with control.read() as connection:
        for row in connection.execute(statement).mappings():
            raised = found.setdefault((row["budget_id"], row["start"], row["value"]), {})
            amount = Decimal(row["amount"])
            raised[row["threshold"]] = max(amount, raised.get(row["threshold"], amount))
    return found


def announce(control: Control, alerts: Sequence[Alert], notice: Notice, to: Sequence[str]) -> bool:
    """Note alerts and put one notice of them into the outbox, both or neither; False where none of them is new."""
    with control.write() as connection:
        fresh = sum(_add(connection, each) for each in alerts)
        if not fresh:
            return False
        notices.enqueue(connection, alerts[0].project, notice, to)
    return True


def listing(control: Control, project: str, limit: int = 100) -> list[Alert]:
    """The project's newest alerts, of budgets that are still there."""
    statement = (
        select(table)
        .where(table.c.project_id == project, table.c.budget_id.in_(select(budgets.c.id)))
        .order_by(table.c.raised_at.desc(), table.c.threshold.desc())
        .limit(limit)
    )
    with control.read() as connection:
        return [_alert(row) for row in connection.execute(statement).mappings()]


def forget(connection: Connection, project: str, customer: str) -> int:
    """Remove alerts of budgets that each customer has by itself, for this one; how many."""
    others = select(budgets.c.id).where(budgets.c.per != "customer")
    mine = (table.c.project_id == project, table.c.value == customer, table.c.budget_id.not_in(others))
    return connection.execute(delete(table).where(*mine)).rowcount


def _add(connection: Connection, alert: Alert) -> bool:
    row = {
        "id": hashlib.sha256(alert.key.encode()).hexdigest()[:32],
        "project_id": alert.project,
        "budget_id": alert.budget_id,
        "start": alert.start,
        "value": alert.value,
        "threshold": alert.threshold,
        "amount": plain(alert.amount),
        "spent": plain(alert.spent),
        "spend_limit": plain(alert.limit),
        "raised_at": datetime.now(UTC),
    }
    return add(connection, table, row)


def _alert(row: Mapping[Any, Any]) -> Alert:
    return Alert(
        project=row["project_id"],
        budget_id=row["budget_id"],
        start=row["start"],
        value=row["value"],
        threshold=row["threshold"],
        amount=Decimal(row["amount"]),
        spent=Decimal(row["spent"]),
        limit=Decimal(row["spend_limit"]),
        raised_at=row["raised_at"],
    )
