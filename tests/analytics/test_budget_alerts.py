"""Alerts on budgets, from spans to the outbox: once per threshold, and again when there is reason."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from spanledger_analytics.jobs import budget_alerts as job
from spanledger_analytics.jobs import ledger
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, alerts, budgets, channel_kinds, channels, notices
from spanledger_store.control.budgets import Budget
from spanledger_store.control.notices import Delivery
from spanledger_store.drivers import drivers
from spanledger_store.engine import Engine
from spanledger_store.periods import Period
from spanledger_store.writer import write
from tests.store.rows import span_row

NOW = datetime(2026, 11, 21, 9, 40, tzinfo=UTC)


def spend(engine: Engine, control: Control, at: datetime, dollars: str, **more: Any) -> None:
    identity = f"{hash((at, dollars, str(more))) & (2**63 - 1):016x}"
    row = span_row(
        span_id=identity, trace_id=identity * 2, start_time=int(at.timestamp()) * 10**9, cost_usd=Decimal(dollars),
        **more,
    )  # fmt: skip
    write(engine, control, SpanBatch(f"spend-{identity}", [row]))


def channel(control: Control, name: str = "ops", *, default: bool = True) -> None:
    channels.put(control, channel_kinds.slack("default", name, "http://127.0.0.1:1/x", is_default=default))


def put(control: Control, name: str = "b", amount: int = 100, **more: Any) -> Budget:
    return budgets.put(control, Budget("default", name, Decimal(amount), Period.MONTH, **more))


def told(control: Control) -> list[Delivery]:
    """The notices so far, oldest first."""
    return sorted(notices.listing(control, "default"), key=lambda each: (each.created_at, each.subject))


def subjects(control: Control) -> list[str]:
    return [each.subject for each in told(control)]


def test_each_threshold_is_told_once_while_spend_rises(engine: Engine, control: Control) -> None:
    channel(control)
    put(control, slice={"customer": "acme"})
    for dollars, expected in (("49", 0), ("1", 1), ("20", 0), ("10", 1), ("30", 1), ("500", 0)):
        # Late in the month, so that nothing but what has been spent is told of.
        at = datetime(2026, 11, 30, 22, tzinfo=UTC) + timedelta(seconds=int(dollars))
        spend(engine, control, at, dollars)
        assert job.run(engine, control, datetime(2026, 11, 30, 23, 59, 50, tzinfo=UTC)) == expected, dollars
        assert job.run(engine, control, datetime(2026, 11, 30, 23, 59, 51, tzinfo=UTC)) == 0
    assert subjects(control) == [
        "Budget b: 50 % reached, $50.00 of $100.00",
        "Budget b: 80 % reached, $80.00 of $100.00",
        "Budget b: used up, $110.00 of $100.00",
    ]
    assert {each.about for each in told(control)} == {"acme"}
    assert [each.threshold for each in alerts.listing(control, "default")] == [100, 80, 50]


def test_a_jump_is_one_notice_and_later_thresholds_stay_quiet(embedded: Engine, control: Control) -> None:
    channel(control)
    put(control)
    spend(embedded, control, NOW, "150")
    assert job.run(embedded, control, NOW) == 1
    assert subjects(control) == ["Budget b: used up, $150.00 of $100.00"]
    assert len(alerts.listing(control, "default")) == 3


def test_the_next_period_and_a_raised_amount_arm_it_again(embedded: Engine, control: Control) -> None:
    channel(control)
    put(control)
    spend(embedded, control, NOW, "110")
    assert job.run(embedded, control, NOW) == 1
    put(control, amount=90)
    assert job.run(embedded, control, NOW) == 0
    put(control, amount=130)
    assert job.run(embedded, control, NOW) == 1
    put(control, amount=130, owner="Jo")
    assert job.run(embedded, control, NOW) == 0
    assert told(control)[-1].subject == "Budget b: 80 % reached, $110.00 of $130.00"
    december = NOW + timedelta(days=12)
    spend(embedded, control, december, "131")
    assert job.run(embedded, control, december) == 1


def test_a_projected_breach_is_told_with_its_day_and_its_drivers(engine: Engine, control: Control) -> None:
    channel(control)
    put(control, amount=90)
    for day in range(1, 13):
        at = datetime(2026, 11, day, 12, tzinfo=UTC)
        spend(engine, control, at, "3", feature="chat", customer="acme")
        spend(engine, control, at, "0.5", feature="search", customer="globex")
    for day in range(20, 31):
        spend(engine, control, datetime(2026, 10, day, 12, tzinfo=UTC), "0.5", feature="search", customer="globex")
    ledger.run(engine, control)
    now = datetime(2026, 11, 13, tzinfo=UTC)
    assert job.run(engine, control, now) == 1
    (notice,) = told(control)
    assert notice.subject.startswith("Budget b: going to end at $")
    assert "above its $90.00" in notice.subject
    # 42 dollars in twelve days: ninety before the month is over.
    assert "the limit is reached on" in notice.text
    payload = notice.payload
    assert payload["threshold"] == "projected"
    assert now < datetime.fromisoformat(payload["breach_at"]) < datetime(2026, 12, 1, tzinfo=UTC)
    assert [(each["dimension"], each["value"], each["spent"]) for each in payload["drivers"]] == [
        ("customer", "acme", "36"), ("feature", "chat", "36"), ("customer", "globex", "6"),
    ]  # fmt: skip
    assert notice.link.startswith("http://127.0.0.1:8787/spend?project=default&from=2026-11-01T00%3A00")
    # The half that is told later is another notice; the projection is not repeated.
    spend(engine, control, now, "20", feature="chat", customer="acme")
    assert job.run(engine, control, now + timedelta(hours=1)) == 1
    assert "50 % reached" in told(control)[-1].subject


def test_each_value_has_its_own_alerts(embedded: Engine, control: Control) -> None:
    channel(control)
    put(control, per="customer")
    for customer, dollars in (("acme", "120"), ("globex", "85"), ("initech", "10"), ("", "900")):
        spend(embedded, control, NOW, dollars, customer=customer)
    late = datetime(2026, 11, 30, 23, 59, 50, tzinfo=UTC)
    assert job.run(embedded, control, late) == 2
    assert sorted(subjects(control)) == [
        "Budget b, acme: used up, $120.00 of $100.00", "Budget b, globex: 80 % reached, $85.00 of $100.00",
    ]  # fmt: skip
    assert sorted(each.about for each in told(control)) == ["acme", "globex"]


def test_who_is_told(embedded: Engine, control: Control) -> None:
    channel(control, "everybody")
    channel(control, "finance", default=False)
    put(control, "named", notify=("finance",))
    put(control, "unnamed")
    put(control, "silent", thresholds=())
    spend(embedded, control, NOW, "100")
    assert job.run(embedded, control, NOW) == 2
    assert sorted((each.channel, each.subject.split(":")[0]) for each in told(control)) == [
        ("everybody", "Budget unnamed"), ("finance", "Budget named"),
    ]  # fmt: skip


def test_without_a_channel_nothing_is_told_and_nothing_is_forgotten(embedded: Engine, control: Control) -> None:
    put(control)
    spend(embedded, control, NOW, "100")
    assert job.run(embedded, control, NOW) == 0
    channel(control)
    assert job.run(embedded, control, NOW) == 1


def test_workers_at_once_tell_once(embedded: Engine, control: Control) -> None:
    channel(control)
    put(control, per="customer")
    for number in range(6):
        spend(embedded, control, NOW, "100", customer=f"c{number}")
    ledger.run(embedded, control)
    with ThreadPoolExecutor(3) as pool:
        total = sum(pool.map(lambda _: job.run(embedded, control, NOW), range(3)))
    assert total == 6
    assert len(set(subjects(control))) == len(subjects(control)) == 6


def test_what_has_no_price_is_not_told(embedded: Engine, control: Control) -> None:
    channel(control)
    put(control)
    row = span_row(start_time=int(NOW.timestamp()) * 10**9, cost_usd=None, price_source="")
    write(embedded, control, SpanBatch("unpriced", [row]))
    assert job.run(embedded, control, NOW) == 0


def test_drivers_are_what_rose(embedded: Engine, control: Control) -> None:
    start, before = NOW - timedelta(hours=2), NOW - timedelta(hours=4)
    for at, feature, dollars in ((before, "chat", "9"), (start, "chat", "10"), (start, "search", "5")):
        spend(embedded, control, at, dollars, feature=feature)
    ledger.run(embedded, control)
    hour = NOW.replace(minute=0)
    found = drivers(embedded, "default", {}, hour - timedelta(hours=2), hour)
    assert [(each.dimension, each.value, each.spent, each.rise) for each in found] == [
        ("feature", "search", 5, 5), ("feature", "chat", 10, 1), ("customer", "acme", 15, 6),
    ]  # fmt: skip
    only = drivers(embedded, "default", {"feature": "chat"}, hour - timedelta(hours=2), hour)
    assert "feature" not in {each.dimension for each in only}
    assert drivers(embedded, "default", {"feature": "none"}, hour - timedelta(hours=2), hour) == []


def test_changing_who_is_told_changes_no_alert(embedded: Engine, control: Control) -> None:
    channel(control)
    kept = put(control)
    spend(embedded, control, NOW, "100")
    assert job.run(embedded, control, NOW) == 1
    channel(control, "second")
    budgets.put(control, replace(kept, notify=("second",)))
    assert job.run(embedded, control, NOW) == 0
