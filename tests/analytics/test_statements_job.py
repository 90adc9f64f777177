"""Orders of statements are followed: on their day, once, and later where nothing ran on it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from spanledger_analytics.jobs import ledger
from spanledger_analytics.jobs import statements as job
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, channel_kinds, channels, notices
from spanledger_store.control import statements as kept
from spanledger_store.control.errors import ChannelUnknown, OrderUnknown
from spanledger_store.control.finance_models import statement_orders
from spanledger_store.control.statements import Order, StatementInvalid
from spanledger_store.engine import Engine
from spanledger_store.finance import statements
from spanledger_store.writer import write
from tests.store.rows import span_row

GIVEN = datetime(2026, 8, 20, tzinfo=UTC)


def spend(engine: Engine, control: Control, month: int, customer: str, dollars: str) -> None:
    at = datetime(2026, month, 10, tzinfo=UTC)
    identity = f"{hash((month, customer, dollars)) & (2**63 - 1):016x}"
    row = span_row(
        span_id=identity, trace_id=identity * 2, start_time=int(at.timestamp()) * 10**9, customer=customer,
        cost_usd=Decimal(dollars),
    )  # fmt: skip
    write(engine, control, SpanBatch(identity, [row]))
    ledger.run(engine, control)


def order(control: Control, given: datetime = GIVEN, **values: Any) -> Order:
    if not channels.listing(control):
        for name in ("finance", "sales"):
            channels.put(control, channel_kinds.slack("default", name, "http://127.0.0.1:1/x"))
    made = kept.order(control, Order("default", **{"channel": "finance", **values}))
    with control.write() as connection:
        connection.execute(update(statement_orders).where(statement_orders.c.id == made.id).values(created_at=given))
    return next(each for each in kept.orders(control) if each.id == made.id)


def sent(control: Control) -> list[tuple[str, str]]:
    return [(each.month, each.customer) for each in kept.sent(control, "default")]


def test_days_that_nothing_ran_on_are_made_up_for_once(engine: Engine, control: Control) -> None:
    for month in (7, 8, 9, 10):
        spend(engine, control, month, "acme", str(month))
    order(control, day=3)
    assert job.run(engine, control, now=datetime(2026, 9, 2, 23, 59, tzinfo=UTC)) == 0
    assert job.run(engine, control, now=datetime(2026, 11, 21, tzinfo=UTC)) == 3
    assert sent(control) == [("2026-08", "acme"), ("2026-09", "acme"), ("2026-10", "acme")]
    assert job.run(engine, control, now=datetime(2026, 11, 22, tzinfo=UTC)) == 0
    (given,) = kept.orders(control)
    assert given.done_through == "2026-10"
    told = sorted(notices.listing(control, "default"), key=lambda each: each.subject)
    assert [each.subject for each in told] == [
        "Statement for acme, August 2026: $8.00",
        "Statement for acme, October 2026: $10.00",
        "Statement for acme, September 2026: $9.00",
    ]
    assert [each.name for each in told[1].attachments] == ["statement-acme-2026-10.html", "statement-acme-2026-10.csv"]
    assert told[1].payload["due_usd"] == "10"
    assert told[1].about == "acme"


@pytest.mark.parametrize(
    ("given", "now", "done", "expected"),
    [
        (datetime(2026, 9, 2, tzinfo=UTC), datetime(2026, 9, 3, tzinfo=UTC), "", ["2026-08"]),
        (datetime(2026, 9, 4, tzinfo=UTC), datetime(2026, 9, 30, tzinfo=UTC), "", []),
        (datetime(2025, 12, 30, tzinfo=UTC), datetime(2026, 2, 3, tzinfo=UTC), "", ["2025-12", "2026-01"]),
        (datetime(2025, 12, 30, tzinfo=UTC), datetime(2026, 2, 3, tzinfo=UTC), "2025-12", ["2026-01"]),
        # In New York the third begins five hours later.
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, 4, 59, tzinfo=UTC), "", []),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, 5, 0, 1, tzinfo=UTC), "", ["2025-12"]),
    ],
)
def test_months_that_are_due(given: datetime, now: datetime, done: str, expected: list[str]) -> None:
    zone = "America/New_York" if given.month == 1 else "UTC"
    wanted = Order("default", "finance", day=3, zone=zone, done_through=done, created_at=given)
    assert job.months_due(wanted, now) == expected


def test_another_channel_gets_the_same_statement(embedded: Engine, control: Control) -> None:
    spend(embedded, control, 9, "acme", "5")
    order(control, month="2026-09")
    assert job.run(embedded, control) == 1
    spend(embedded, control, 9, "acme", "2")
    order(control, month="2026-09", channel="sales", customers=("acme",))
    assert job.run(embedded, control) == 0
    assert kept.orders(control) == []
    told = {each.channel: each.payload["due_usd"] for each in notices.listing(control, "default")}
    assert told == {"finance": "5", "sales": "5"}
    (october,) = statements.build(embedded, control, "default", "2026-10", customers=["acme"])
    assert october.adjusted == 2


def test_a_run_that_is_cut_short_is_taken_up_where_it_was(
    embedded: Engine, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    for customer in ("a", "b", "c", "d"):
        spend(embedded, control, 9, customer, "1")
    order(control, month="2026-09")
    calls: list[str] = []

    def stopping(doing: str, done: int, total: int) -> None:
        calls.append(doing)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job.run(embedded, control, stopping)
    assert [who for _, who in sent(control)] == ["a", "b"]
    assert job.run(embedded, control) == 2
    assert [who for _, who in sent(control)] == ["a", "b", "c", "d"]
    assert len(notices.listing(control, "default")) == 4


def test_of_some_customers_the_month_stays_open(embedded: Engine, control: Control) -> None:
    spend(embedded, control, 9, "acme", "1")
    spend(embedded, control, 9, "globex", "1")
    order(control, month="2026-09", customers=("acme",))
    assert job.run(embedded, control) == 1
    assert sent(control) == [("2026-09", "acme")]
    assert kept.closed(control, "default") == []
    order(control, month="2026-09")
    assert job.run(embedded, control) == 1
    assert [each.month for each in kept.closed(control, "default")] == ["2026-09"]


def test_an_order_that_cannot_be_says_why(control: Control) -> None:
    with pytest.raises(StatementInvalid, match="choose one"):
        Order("default", "finance")
    with pytest.raises(StatementInvalid, match="day 29 is not in every month"):
        Order("default", "finance", day=29)
    with pytest.raises(StatementInvalid, match="calls without a customer"):
        Order("default", "finance", day=1, customers=("",))
    with pytest.raises(StatementInvalid, match="2999-01 has not ended in UTC"):
        kept.order(control, Order("default", "finance", month="2999-01"))
    with pytest.raises(StatementInvalid, match="begins within a UTC hour"):
        kept.order(control, Order("default", "finance", day=1, zone="Asia/Kolkata"))
    with pytest.raises(ChannelUnknown):
        kept.order(control, Order("default", "finance", day=1))
    with pytest.raises(OrderUnknown, match="has no order 'x'; it has: none yet"):
        kept.cancel(control, "default", "x")
