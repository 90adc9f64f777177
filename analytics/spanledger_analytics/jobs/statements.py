"""The statements job: every order of statements is followed, and what was missed is made up for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from spanledger_analytics.notify.statement import message
from spanledger_store.control import Control
from spanledger_store.control import statements as kept
from spanledger_store.control.notices import Notice
from spanledger_store.control.statements import Order
from spanledger_store.engine import Engine
from spanledger_store.finance import statements

Progress = Callable[[str, int, int], None]


def run(engine: Engine, control: Control, progress: Progress = lambda *_: None, now: datetime | None = None) -> int:
    """Freeze the statements that are due and put them into the outbox; how many were frozen.

    One per customer and month, whatever orders it and how often; another channel gets the same one. A run that is cut
    short is taken up where it was.
    """
    now = now or datetime.now(UTC)
    total = 0
    for order in kept.orders(control):
        for month in months_due(order, now):
            total += _follow(engine, control, order, month, now, progress)
            kept.done(control, order, month)
    return total


def months_due(order: Order, now: datetime) -> list[str]:
    """The months of which an order wants statements by now and has none: those whose day came after it was given.

    >>> given = datetime(2026, 9, 10, tzinfo=UTC)
    >>> months_due(Order("default", "mail", day=3, created_at=given), datetime(2026, 11, 21, tzinfo=UTC))
    ['2026-09', '2026-10']
    """
    if order.month:
        return [order.month]
    assert order.created_at is not None
    return [month for month, day in _days(order, now) if day >= order.created_at and month > order.done_through]


def _days(order: Order, now: datetime) -> Iterator[tuple[str, datetime]]:
    """(month, the moment at which its statements are due), from the order's beginning until now."""
    zone = ZoneInfo(order.zone)
    began = (order.created_at or now).astimezone(zone)
    year, month = (began.year, began.month - 1) if began.month > 1 else (began.year - 1, 12)
    while True:
        year_due, month_due = (year, month + 1) if month < 12 else (year + 1, 1)
        at = datetime(year_due, month_due, order.day, tzinfo=zone)
        if at > now:
            return
        yield f"{year:04d}-{month:02d}", at
        year, month = year_due, month_due


def _follow(engine: Engine, control: Control, order: Order, month: str, now: datetime, progress: Progress) -> int:
    def tell(document: Mapping[str, Any]) -> Notice:
        return message(document, engine.settings.public_url)

    frozen = 0
    customers = order.customers or None
    made = statements.build(engine, control, order.project, month, customers=customers, zone=order.zone, now=now)
    for seen, each in enumerate(made, 1):
        progress(f"statements of {month}", seen, len(order.customers))
        frozen += kept.freeze(control, each.sent or each.frozen(), tell, [order.channel])
    if not order.customers:
        kept.close(control, order.project, month, order.zone)
    return frozen
