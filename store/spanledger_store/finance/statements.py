"""What a customer used in a month, as the ledger has it, and what has changed since it was last told.

    for each in statements.build(engine, control, "default", "2026-10", customers=["Acme"]):
        each.cost, each.due, each.as_json()

A statement that is sent is kept as it was (`control.statements`). What the ledger says differently about its month
afterwards, because of late calls, new prices or deletions, is an adjustment of the next one. So the amounts due of all
statements add up to the ledger as of the last of them, exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl

from spanledger_store.control import Control, projects
from spanledger_store.control import statements as kept
from spanledger_store.control.budgets import plain
from spanledger_store.control.statements import Frozen, StatementInvalid, check_month, month_of, zone_of
from spanledger_store.engine import Engine
from spanledger_store.finance.statement_lines import (
    EXACT,
    ZERO,
    Adjustment,
    Line,
    adjustments,
    exact_sum,
    line_of,
    split,
)
from spanledger_store.periods import Window
from spanledger_store.reports.books import books
from spanledger_store.reports.buckets import Bucketing, Calendar
from spanledger_store.scope import Dimension, Scope

FORMAT: Final = 1
# Customers whose lines are in memory at a time.
AT_ONCE: Final = 200
_SPLIT: Final = (Dimension.CUSTOMER, Dimension.PROVIDER, Dimension.MODEL, Dimension.FEATURE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One customer's month: the lines by provider, model and feature, and the same calls split in other ways.

    `lines`, `models`, `features` and `days` each add up to `total`. `sent` is the statement of this month that has
    been sent already, None where none has.
    """

    project: str
    customer: str
    month: str
    zone: str
    window: Window
    made_at: datetime
    total: Line
    lines: Sequence[Line]
    models: Sequence[Line]
    features: Sequence[Line]
    days: Sequence[Line]
    adjustments: Sequence[Adjustment]
    sent: Frozen | None = None

    @property
    def cost(self) -> Decimal | None:
        """The month's spend in US dollars; None where no call has a price."""
        return self.total.cost

    @property
    def adjusted(self) -> Decimal:
        """The sum of the adjustments."""
        return exact_sum(each.cost for each in self.adjustments)

    @property
    def due(self) -> Decimal | None:
        """Spend and adjustments together; None where neither is known."""
        if self.cost is None and not self.adjustments:
            return None
        return EXACT.add(self.cost or ZERO, self.adjusted)

    @property
    def is_complete(self) -> bool:
        """True where the month had ended when the statement was made."""
        return self.made_at >= self.window.end

    def frozen(self) -> Frozen:
        """The statement as it is kept once it is sent."""
        return Frozen(self.project, self.customer, self.month, self.zone, self.cost, self.due, self.as_json())

    def as_json(self) -> dict[str, Any]:
        """The whole statement as JSON takes it; amounts are strings of all their digits."""
        sent = None
        if self.sent is not None:
            told = self.sent.total_usd or ZERO
            sent = {**self.sent.as_json(), "since_usd": plain(EXACT.subtract(self.total.priced, told))}
        return {
            "format": FORMAT,
            "project": self.project,
            "customer": self.customer,
            "month": self.month,
            "zone": self.zone,
            "from": self.window.start.isoformat(),
            "to": self.window.end.isoformat(),
            "made_at": self.made_at.isoformat(timespec="seconds"),
            "complete": self.is_complete,
            "currency": "USD",
            "total": self.total.as_json(),
            "lines": [each.as_json("provider", "model", "feature") for each in self.lines],
            "models": [each.as_json("provider", "model") for each in self.models],
            "features": [each.as_json("feature") for each in self.features],
            "days": [each.as_json("day") for each in self.days],
            "adjustments": [each.as_json() for each in self.adjustments],
            "adjusted_usd": plain(self.adjusted),
            "due_usd": None if self.due is None else plain(self.due),
            "sent": sent,
        }


def build(
    engine: Engine,
    control: Control,
    project: str,
    month: str,
    *,
    customers: Sequence[str] | None = None,
    zone: str = "UTC",
    now: datetime | None = None,
) -> Iterator[Statement]:
    """Statements of these customers, or of all that have something to be stated, by name.

    A customer who is named gets one, though it may state nothing; of all, those do who used something in the month or
    of whose earlier statements something has changed. Raises StatementInvalid, ProjectUnknown or StoreError.
    """
    projects.get(control, project)
    of, at = month_of(month, zone_of(zone)), now or datetime.now(UTC)
    if customers is None:
        # Late calls of a month that is closed may be of somebody who had no statement of it.
        earlier = [each for each in kept.closed(control, project) if each.month < month]
        start = min([of.start, *(month_of(each.month, zone_of(each.zone)).start for each in earlier)])
        frame = books(engine, Scope(project, start, of.end), [Dimension.CUSTOMER])
        names = {*frame["customer"].to_list(), *(each.customer for each in kept.sent(control, project))} - {""}
    elif "" in customers:
        raise StatementInvalid("calls without a customer have no statement; name one.")
    else:
        names = set(customers)
    ordered = sorted(names)
    for first in range(0, len(ordered), AT_ONCE):
        some = ordered[first : first + AT_ONCE]
        for each in _some(engine, control, project, month, some, zone, of, at):
            if customers is not None or each.total.calls or each.adjustments:
                yield each


def as_sent(control: Control, project: str, customer: str, month: str) -> Frozen:
    """The statement as it was sent. Raises StatementInvalid where none was."""
    found = kept.find(control, project, customer, check_month(month))
    if found is None:
        raise StatementInvalid(f"no statement of {month} was sent for {customer!r} of project {project!r}.")
    return found


def _some(
    engine: Engine,
    control: Control,
    project: str,
    month: str,
    customers: Sequence[str],
    zone: str,
    of: Window,
    at: datetime,
) -> Iterator[Statement]:
    scope = Scope(project, of.start, of.end, {Dimension.CUSTOMER: tuple(customers)})
    frame = books(engine, scope, _SPLIT, Bucketing(ZoneInfo(zone), calendar=Calendar.DAY))
    parts = frame.partition_by("customer", as_dict=True)
    sent: defaultdict[str, list[Frozen]] = defaultdict(list)
    for each in kept.sent(control, project, customers):
        sent[each.customer].append(each)
    closed = kept.closed(control, project)
    told = {customer: _told(customer, sent[customer], closed) for customer in customers}
    now = _as_of_now(engine, project, [each for found in told.values() for each in found if each.month < month])
    for customer in customers:
        yield of_frame(
            parts.get((customer,), frame.clear()),
            project=project,
            customer=customer,
            month=month,
            zone=zone,
            of=of,
            at=at,
            changes=adjustments(month, told[customer], now[customer]),
            sent=next((each for each in sent[customer] if each.month == month), None),
        )


def _told(customer: str, sent: Sequence[Frozen], closed: Sequence[Frozen]) -> list[Frozen]:
    """What a customer was told of each month: in its statement, or by having none when the month was closed."""
    known = {each.month for each in sent}
    return [*sent, *(replace(each, customer=customer) for each in closed if each.month not in known)]


def of_frame(
    frame: pl.DataFrame,
    *,
    project: str,
    customer: str,
    month: str,
    zone: str,
    of: Window,
    at: datetime,
    changes: Sequence[Adjustment] = (),
    sent: Frozen | None = None,
) -> Statement:
    """The statement of one customer's lines of the books, by day, provider, model and feature: pure, and exact."""
    local = frame.with_columns(day=pl.col("bucket").dt.convert_time_zone(zone).dt.strftime("%Y-%m-%d"))
    rows = local.rows(named=True)
    return Statement(
        project=project,
        customer=customer,
        month=month,
        zone=zone,
        window=of,
        made_at=at,
        total=line_of((), rows),
        lines=split(rows, "provider", "model", "feature"),
        models=split(rows, "provider", "model"),
        features=split(rows, "feature"),
        days=sorted(split(rows, "day"), key=lambda each: each.names),
        adjustments=changes,
        sent=sent,
    )


def _as_of_now(engine: Engine, project: str, sent: Sequence[Frozen]) -> defaultdict[str, dict[str, Line]]:
    """Customer -> month -> what the books say now, each month in the zone in which it was stated."""
    found: defaultdict[str, dict[str, Line]] = defaultdict(dict)
    for name in sorted({each.zone for each in sent}):
        zone = ZoneInfo(name)
        mine = [each for each in sent if each.zone == name]
        start = month_of(min(each.month for each in mine), zone).start
        end = month_of(max(each.month for each in mine), zone).end
        scope = Scope(project, start, end, {Dimension.CUSTOMER: tuple(sorted({each.customer for each in mine}))})
        frame = books(engine, scope, [Dimension.CUSTOMER], Bucketing(zone, calendar=Calendar.MONTH))
        told = {(each.customer, each.month) for each in mine}
        for row in frame.rows(named=True):
            month = f"{row['bucket'].astimezone(zone):%Y-%m}"
            if (row["customer"], month) in told:
                found[row["customer"]][month] = line_of((), [row])
    return found
