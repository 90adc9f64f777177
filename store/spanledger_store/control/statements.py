"""Statements as they were sent, and the orders by which they are."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, delete, select, update

from spanledger_store.control import channels, notices, projects
from spanledger_store.control.budgets import plain
from spanledger_store.control.database import Control
from spanledger_store.control.errors import ControlError, OrderUnknown
from spanledger_store.control.finance_models import statement_orders, statements
from spanledger_store.control.notices import Notice
from spanledger_store.control.upsert import add
from spanledger_store.periods import Period, Window, window

# Every month has it.
LAST_DAY: Final = 28
# Calls without a customer have no statement: this name is free to stand for all.
_EVERYBODY: Final = ""
_NOTHING: Final[Mapping[str, Any]] = {"total": {"calls": 0, "unpriced_calls": 0}, "adjustments": []}
# Tells whether a zone's months begin with an hour.
_ANY_MONTH: Final = "2026-01"
_MONTH: Final = re.compile(r"[12]\d{3}-(0[1-9]|1[0-2])")


class StatementInvalid(ControlError):
    """A month, a zone or a customer of which no statement can be made; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """A statement as it was sent; amounts are None where no call had a price."""

    project: str
    customer: str
    month: str
    zone: str
    total_usd: Decimal | None
    due_usd: Decimal | None
    document: Mapping[str, Any] = field(repr=False)
    frozen_at: datetime | None = None

    @property
    def id(self) -> str:
        """The same for the same customer and month, on every worker."""
        return hashlib.sha256("\0".join((self.project, self.customer, self.month)).encode()).hexdigest()[:32]

    def as_json(self) -> dict[str, Any]:
        """What people ask of it, without the document."""
        return {
            "project": self.project,
            "customer": self.customer,
            "month": self.month,
            "zone": self.zone,
            "total_usd": None if self.total_usd is None else plain(self.total_usd),
            "due_usd": None if self.due_usd is None else plain(self.due_usd),
            "sent_at": None if self.frozen_at is None else self.frozen_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Order:
    """Who gets statements: on `day` of each month those of the month before, or (day 0) those of one `month`, once.

    Of `customers`, or of all that have something to be stated. Raises StatementInvalid.
    """

    project: str
    channel: str
    day: int = 0
    month: str = ""
    customers: tuple[str, ...] = ()
    zone: str = "UTC"
    done_through: str = ""
    id: str = ""
    created_at: datetime | None = None

    def __post_init__(self) -> None:
        if bool(self.day) == bool(self.month):
            raise StatementInvalid("statements are sent on a day of every month, or once of one month; choose one.")
        if self.day and not 1 <= self.day <= LAST_DAY:
            raise StatementInvalid(f"day {self.day} is not in every month; use 1 to {LAST_DAY}.")
        if self.month:
            check_month(self.month)
        if "" in self.customers:
            raise StatementInvalid("calls without a customer have no statement; name customers, or none for all.")
        zone_of(self.zone)

    def as_json(self) -> dict[str, Any]:
        """Every field as JSON takes it."""
        return {
            "id": self.id,
            "project": self.project,
            "channel": self.channel,
            "day": self.day,
            "month": self.month,
            "customers": list(self.customers),
            "zone": self.zone,
            "done_through": self.done_through,
            "created_at": None if self.created_at is None else self.created_at.isoformat(),
        }


def check_month(month: str) -> str:
    """The month, `2026-10`. Raises StatementInvalid where it is none."""
    if not _MONTH.fullmatch(month):
        raise StatementInvalid(f"month {month!r} is none; use one such as 2026-10.")
    return month


def zone_of(name: str) -> ZoneInfo:
    """The time zone. Raises StatementInvalid where there is none of this name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise StatementInvalid(f"zone {name!r} is no time zone; use a name such as UTC or Europe/Berlin.") from error


def month_of(month: str, zone: ZoneInfo) -> Window:
    """The month in a zone's calendar. Raises StatementInvalid where it is none, or begins within a UTC hour."""
    year, number = (int(part) for part in check_month(month).split("-"))
    found = window(Period.MONTH, zone, datetime(year, number, 15, 12, tzinfo=UTC))
    if any(moment.minute or moment.second for moment in (found.start, found.end)):
        raise StatementInvalid(
            f"in {zone.key} {month} begins within a UTC hour, and the ledger keeps whole ones; use another zone or UTC."
        )
    return found


def freeze(control: Control, frozen: Frozen, tell: Callable[[Mapping[str, Any]], Notice], to: Sequence[str]) -> bool:
    """Keep a statement and put a notice of it into the outbox, both or neither; True where it was not kept before.

    One that is kept already stays as it is. `tell` makes the notice of the one that is kept.
    """
    with control.write() as connection:
        added = add(connection, statements, _row(frozen))
        kept = connection.execute(select(statements.c.document).where(statements.c.id == frozen.id)).scalar_one()
        notices.enqueue(connection, frozen.project, tell(json.loads(kept)), to)
    return added


def close(control: Control, project: str, month: str, zone: str) -> None:
    """Note that everybody who used something in a month has got a statement of it.

    What is found of it later for anybody else is an adjustment too.
    """
    closed = Frozen(project, _EVERYBODY, month, zone, Decimal(0), Decimal(0), _NOTHING)
    with control.write() as connection:
        add(connection, statements, _row(closed))


def closed(control: Control, project: str) -> list[Frozen]:
    """The months that are closed, by month, each as a statement to nobody in particular that nothing was used."""
    statement = select(statements).where(statements.c.project_id == project, statements.c.customer == _EVERYBODY)
    with control.read() as connection:
        rows = connection.execute(statement.order_by(statements.c.month)).mappings()
        return [_frozen(row) for row in rows]


def find(control: Control, project: str, customer: str, month: str) -> Frozen | None:
    """The statement that was sent, or None."""
    wanted = Frozen(project, customer, month, "UTC", None, None, {}).id
    with control.read() as connection:
        row = connection.execute(select(statements).where(statements.c.id == wanted)).mappings().one_or_none()
    return None if row is None else _frozen(row)


def sent(control: Control, project: str, customers: Sequence[str] | None = None) -> list[Frozen]:
    """Every statement that was sent, of all customers or of some, by month and customer."""
    statement = select(statements).where(statements.c.project_id == project, statements.c.customer != _EVERYBODY)
    if customers is not None:
        statement = statement.where(statements.c.customer.in_(customers))
    with control.read() as connection:
        found = connection.execute(statement.order_by(statements.c.month, statements.c.customer)).mappings()
        return [_frozen(row) for row in found]


def order(control: Control, wanted: Order) -> Order:
    """Keep an order; as it is kept. Raises ProjectUnknown, ChannelUnknown, or StatementInvalid before a month's end."""
    zone = ZoneInfo(wanted.zone)
    if month_of(wanted.month or _ANY_MONTH, zone).end > datetime.now(UTC):
        raise StatementInvalid(f"{wanted.month} has not ended in {wanted.zone}; its statements can be sent afterwards.")
    projects.get(control, wanted.project)
    channels.get(control, wanted.project, wanted.channel)
    row = {
        "id": secrets.token_hex(8),
        "project_id": wanted.project,
        "channel": wanted.channel,
        "customers": json.dumps(list(wanted.customers), ensure_ascii=False),
        "zone": wanted.zone,
        "day": wanted.day,
        "month": wanted.month,
        "done_through": "",
        "created_at": datetime.now(UTC),
    }
    with control.write() as connection:
        connection.execute(statement_orders.insert().values(row))
        kept = select(statement_orders).where(statement_orders.c.id == row["id"])
        return _order(connection.execute(kept).mappings().one())


def orders(control: Control, project: str | None = None) -> list[Order]:
    """The orders of one project, or of all, oldest first."""
    statement = select(statement_orders).order_by(statement_orders.c.created_at, statement_orders.c.id)
    if project is not None:
        statement = statement.where(statement_orders.c.project_id == project)
    with control.read() as connection:
        return [_order(row) for row in connection.execute(statement).mappings()]


def done(control: Control, which: Order, month: str) -> None:
    """Note that an order has been followed through a month; one of a single month is thereby over."""
    mine = statement_orders.c.id == which.id
    with control.write() as connection:
        if which.month:
            connection.execute(delete(statement_orders).where(mine))
        else:
            connection.execute(update(statement_orders).where(mine).values(done_through=month))


def cancel(control: Control, project: str, identity: str) -> Order:
    """Take an order away; as it was. Raises OrderUnknown."""
    found = next((each for each in orders(control, project) if each.id == identity), None)
    if found is None:
        known = ", ".join(each.id for each in orders(control, project)) or "none yet"
        raise OrderUnknown(f"project {project!r} has no order {identity!r}; it has: {known}.")
    with control.write() as connection:
        connection.execute(delete(statement_orders).where(statement_orders.c.id == identity))
    return found


def forget(connection: Connection, project: str, customer: str) -> int:
    """Remove a customer's statements, in the caller's transaction; how many."""
    mine = (statements.c.project_id == project, statements.c.customer == customer)
    return connection.execute(delete(statements).where(*mine)).rowcount


def _row(frozen: Frozen) -> dict[str, Any]:
    return {
        "id": frozen.id,
        "project_id": frozen.project,
        "customer": frozen.customer,
        "month": frozen.month,
        "zone": frozen.zone,
        "total_usd": None if frozen.total_usd is None else plain(frozen.total_usd),
        "due_usd": None if frozen.due_usd is None else plain(frozen.due_usd),
        "document": json.dumps(dict(frozen.document), ensure_ascii=False),
        "frozen_at": datetime.now(UTC),
    }


def _frozen(row: Mapping[Any, Any]) -> Frozen:
    return Frozen(
        project=row["project_id"],
        customer=row["customer"],
        month=row["month"],
        zone=row["zone"],
        total_usd=None if row["total_usd"] is None else Decimal(row["total_usd"]),
        due_usd=None if row["due_usd"] is None else Decimal(row["due_usd"]),
        document=json.loads(row["document"]),
        frozen_at=row["frozen_at"],
    )


def _order(row: Mapping[Any, Any]) -> Order:
    return Order(
        project=row["project_id"],
        channel=row["channel"],
        day=row["day"],
        month=row["month"],
        customers=tuple(json.loads(row["customers"])),
        zone=row["zone"],
        done_through=row["done_through"],
        id=row["id"],
        created_at=row["created_at"],
    )
