"""Budgets say what the spans say, for any history, zone and slice; on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from spanledger_analytics.jobs import ledger as job
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, dirty, keeping, models
from spanledger_store.control import budgets as kept
from spanledger_store.control.budgets import Budget, Enforcement
from spanledger_store.engine import Engine
from spanledger_store.finance import budget_changes
from spanledger_store.finance.budget_report import report
from spanledger_store.finance.budgets import State, states
from spanledger_store.lifecycle import retention
from spanledger_store.periods import Period, before, window
from spanledger_store.writer import write
from tests.conftest import TABLES
from tests.store.rows import span_row
from tests.support.cluster import ClusterEngine

NOW = datetime(2026, 3, 29, 9, 40, tzinfo=UTC)  # the day on which Berlin's clocks leap
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def ns(moment: datetime) -> int:
    return int(moment.timestamp() * 1000) * 1_000_000


def budget(name: str = "b", amount: Decimal | int = 10, period: Period = Period.MONTH, **more: Any) -> Budget:
    values: dict[str, Any] = {"id": name, "created_at": LONG_AGO, **more}
    return Budget("default", name, Decimal(amount), period, **values)


money = st.decimals(min_value=0, max_value=1000, places=12, allow_nan=False)
spans = st.fixed_dictionaries(
    {
        "trace_id": st.integers(0, 9).map(lambda n: f"{n:032x}"),
        # Up to five weeks back and two hours ahead, often within the half hours where zones disagree.
        "start_time": st.integers(-5 * 7 * 96, 8).map(lambda n: ns(NOW.replace(minute=0) + timedelta(minutes=15 * n))),
        "project_id": st.sampled_from(["default", "default", "other"]),
        "customer": st.sampled_from(["", "acme", "globex"]),
        "feature": st.sampled_from(["chat", "search"]),
        "model": st.sampled_from(["gpt-4o", "claude"]),
        "is_billable": st.sampled_from([True, True, True, False]),
        "cost_usd": st.none() | money,
        "price_source": st.sampled_from(["", "test"]),
    }
)
steps = st.lists(st.tuples(st.lists(spans, min_size=1, max_size=6), st.booleans()), min_size=1, max_size=4)
slices = st.fixed_dictionaries(
    {},
    optional={
        "customer": st.sampled_from(["acme", "globex"]),
        "feature": st.sampled_from(["chat", "search"]),
        "model": st.sampled_from(["gpt-4o", "claude"]),
    },
)
wanted = st.lists(
    st.tuples(slices, st.sampled_from(["", "customer", "model"]), st.sampled_from(Period), st.sampled_from(ZONES)),
    min_size=1,
    max_size=5,
)


def told(engine: Engine, each: Budget, of: Any) -> dict[str, tuple[int, Decimal]]:
    """What the spans themselves say, by the plainest statement: value -> calls and cost."""
    conditions = "".join(f" AND `{name}` = '{value}'" for name, value in each.slice.items())
    rows = engine.rows(
        f"SELECT {f'toString(`{each.per}`)' if each.per else repr('')} AS value, sum(call_count),"
        " sum(ifNull(cost_usd, 0)) FROM spans WHERE is_billable AND project_id = 'default'"
        " AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}"
        f" {conditions} GROUP BY value",
        {"start": of.start, "end": of.end},
    )
    return {value: (calls, cost) for value, calls, cost in rows if value or not each.per}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=steps, wanted=wanted, carry=st.booleans())
def test_a_state_is_the_sum_of_the_spans_for_any_history(
    engine: Engine, control: Control, history: list[Any], wanted: list[Any], carry: bool
) -> None:
    """Spans come, come again and come changed; the ledger is behind by any number of hours."""
    for table in TABLES:
        engine.command(f"TRUNCATE TABLE {table}")
    dirty.clear(control, dirty.pending(control))
    for number, (batch, recompute) in enumerate(history):
        rows = [span_row(**values, ingested_at=number * 1000 + i) for i, values in enumerate(batch)]
        write(engine, control, SpanBatch(f"step-{number}-{hash(str(rows))}", rows))
        if recompute:
            job.run(engine, control)
    made = [
        budget(f"b{n}", slice={k: v for k, v in about.items() if k != per}, per=per, period=period, zone=zone,
               carry_over=carry)
        for n, (about, per, period, zone) in enumerate(wanted)
    ]  # fmt: skip
    found = states(engine, control, made, NOW)
    for each in made:
        of = window(each.period, ZoneInfo(each.zone), NOW)
        truth = told(engine, each, of)
        mine = {state.value or "": state for state in found if state.budget is each}
        assert {at: (state.calls, state.spent or 0) for at, state in mine.items() if state.calls} == truth
        earlier = told(engine, each, before(each.period, ZoneInfo(each.zone), of)) if carry else {}
        for at, state in mine.items():
            calls, cost = earlier.get(at, (0, Decimal(0)))
            if carry and (cost or not calls):
                assert state.carried == max(Decimal(0), each.amount - cost)


def spend(engine: Engine, control: Control, *costs: tuple[datetime, str], **more: Any) -> None:
    """One call per (when, US dollars)."""
    rows = [
        span_row(span_id=f"{hash((at, dollars, n, str(more))) & (2**63 - 1):016x}", start_time=ns(at),
                 cost_usd=Decimal(dollars), **more)
        for n, (at, dollars) in enumerate(costs)
    ]  # fmt: skip
    write(engine, control, SpanBatch(f"spend-{costs}-{more}", rows))


def one(engine: Engine, control: Control, each: Budget, now: datetime = NOW) -> State:
    (found,) = states(engine, control, [each], now)
    return found


def test_the_half_hour_at_a_zones_midnight_is_exact(engine: Engine, control: Control) -> None:
    """March begins in Kolkata at 18:30 UTC: the ledger's hour is cut in two."""
    midnight = datetime(2026, 2, 28, 18, 30, tzinfo=UTC)
    spend(engine, control, (midnight - timedelta(milliseconds=1), "1"), (midnight, "2"), (NOW, "4"))
    job.run(engine, control)
    assert one(engine, control, budget(zone="Asia/Kolkata")).spent == 6
    assert one(engine, control, budget(zone="UTC")).spent == 4 + 0
    late = midnight - timedelta(minutes=5)
    assert one(engine, control, budget(zone="Asia/Kolkata"), late).spent == 1


def test_days_of_a_clock_change_have_their_own_length(engine: Engine, control: Control) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    of = window(Period.DAY, berlin, NOW)
    assert (of.start, of.length) == (datetime(2026, 3, 28, 23, tzinfo=UTC), timedelta(hours=23))
    spend(engine, control, (of.start, "1"), (of.end - timedelta(milliseconds=1), "2"), (of.end, "4"))
    assert one(engine, control, budget(period=Period.DAY, zone="Europe/Berlin")).spent == 3


def test_shards_add_up(cluster: ClusterEngine, control: Control) -> None:
    midnight = datetime(2026, 2, 28, 18, 30, tzinfo=UTC)
    for n, at in enumerate((midnight - timedelta(minutes=1), midnight, NOW - timedelta(days=3), NOW)):
        spend(cluster, control, (at, str(n + 1)), trace_id=f"{n:032x}")
        if n == 2:
            job.run(cluster, control)
    wanted = [budget("a", zone="Asia/Kolkata"), budget("b", per="customer", slice={"model": "gpt-4o"})]
    assert [(state.value, state.spent) for state in states(cluster, control, wanted, NOW)] == [(None, 9), ("acme", 7)]
    assert [each.blocked.calls for each in report(cluster, control, wanted, NOW)] == [0, 0]


def test_a_late_call_counts_and_a_changed_price_too_before_the_ledger_knows(engine: Engine, control: Control) -> None:
    monday = NOW - timedelta(days=6)
    spend(engine, control, (monday, "1"))
    job.run(engine, control)
    spend(engine, control, (monday + timedelta(minutes=1), "0.5"))
    assert one(engine, control, budget()).spent == Decimal("1.5")
    rows = engine.rows("SELECT trace_id, span_id FROM spans WHERE cost_usd = 1")
    repriced = span_row(trace_id=rows[0][0], span_id=rows[0][1], start_time=ns(monday), cost_usd=Decimal(3))
    write(engine, control, SpanBatch("repriced", [repriced]))
    assert one(engine, control, budget()).spent == Decimal("3.5")
    job.run(engine, control)
    assert one(engine, control, budget()).spent == Decimal("3.5")


def test_expired_spans_still_count(engine: Engine, control: Control) -> None:
    start = datetime(2026, 1, 20, 5, tzinfo=UTC)
    spend(engine, control, (start, "1"), (NOW, "2"))
    job.run(engine, control)
    keeping.keep(control, "default", {"spans": 30})
    retention.run(engine, control, now=NOW, interface="test")
    # Marked once more, so that the hour is read from what is frozen of it.
    dirty.mark(control, [("default", start)])
    assert engine.rows("SELECT count() FROM spans") == [(1,)]
    assert one(engine, control, budget(period=Period.YEAR)).spent == 3


def test_what_is_left_of_the_last_period_is_added_once(embedded: Engine, control: Control) -> None:
    for month, dollars in ((1, "1"), (2, "4"), (3, "13")):
        spend(embedded, control, (datetime(2026, month, 10, tzinfo=UTC), dollars))
    each = budget(carry_over=True)
    state = one(embedded, control, each)
    # January's nine dollars are gone; February left six.
    assert (state.carried, state.limit, state.remaining, state.level) == (6, 16, 3, 80)
    assert one(embedded, control, replace(each, created_at=NOW)).carried == 0
    assert one(embedded, control, replace(each, carry_over=False)).is_used_up
    assert one(embedded, control, replace(each, amount=Decimal(3))).carried == 0


def test_each_value_has_its_own(embedded: Engine, control: Control) -> None:
    for customer, dollars in (("acme", "9"), ("globex", "11"), ("", "100")):
        spend(embedded, control, (NOW, dollars), customer=customer)
    spend(embedded, control, (NOW - timedelta(days=40), "2"), customer="initech")
    found = states(embedded, control, [budget(per="customer", enforcement=Enforcement.BLOCK)], NOW)
    assert [(each.value, each.spent, each.blocks) for each in found] == [("globex", 11, True), ("acme", 9, False)]
    carried = states(embedded, control, [budget(per="customer", carry_over=True)], NOW)
    assert {each.value: each.carried for each in carried} == {"globex": 10, "acme": 10, "initech": 8}


def test_unpriced_calls_make_spend_unknown_and_not_nothing(embedded: Engine, control: Control) -> None:
    write(embedded, control, SpanBatch("a", [span_row(start_time=ns(NOW), cost_usd=None, price_source="")]))
    state = one(embedded, control, budget())
    assert (state.calls, state.unpriced_calls) == (1, 1)
    assert (state.spent, state.remaining, state.share, state.is_used_up) == (None, None, None, False)
    assert state.as_json()["spent"] is None
    spend(embedded, control, (NOW, "2"))
    state = one(embedded, control, budget())
    assert (state.spent, state.unpriced_calls) == (2, 1)


@pytest.mark.parametrize(
    ("dollars", "level"),
    [("4.999999999999", 0), ("5", 50), ("7.999999999999", 50), ("8", 80), ("10", 100), ("99", 100)],
)
def test_levels_are_reached_exactly(embedded: Engine, control: Control, dollars: str, level: int) -> None:
    spend(embedded, control, (NOW, dollars))
    assert one(embedded, control, budget()).level == level


@given(st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)), st.sampled_from(Period), st.sampled_from(ZONES))  # noqa: DTZ001
def test_windows_hold_their_moment_and_touch(moment: datetime, period: Period, name: str) -> None:
    zone, at = ZoneInfo(name), moment.replace(tzinfo=UTC)
    of = window(period, zone, at)
    assert of.start <= at < of.end
    assert window(period, zone, of.start) == of
    assert window(period, zone, of.end - timedelta(microseconds=1)) == of
    assert before(period, zone, of).end == of.start
    assert window(period, zone, of.end).start == of.end


def test_the_report_projects_and_counts_what_was_refused(engine: Engine, control: Control) -> None:
    monthly = kept.put(control, Budget("default", "monthly", Decimal(20), Period.MONTH))
    kept.put(control, Budget("default", "yearly", Decimal(10_000), Period.YEAR, slice={"customer": "acme"}))
    # Weekdays at noon only, a dollar each, for eight weeks.
    noons = [NOW.replace(hour=12, minute=0) - timedelta(days=n) for n in range(1, 57)]
    spend(engine, control, *[(at, "1") for at in noons if at.weekday() < 5])
    refused = {"kind": "guardrail", "error_type": "budget_exceeded", "is_billable": False, "cost_usd": None}
    about = {"spanledger.budget.id": monthly.id, "spanledger.budget.value": ""}
    rows = [
        span_row(span_id=f"{n:016x}", start_time=ns(NOW), attributes=about | more, **refused)
        for n, more in enumerate([{}, {"spanledger.budget.saved_usd": "0.25"}, {"spanledger.budget.saved_usd": "0.5"}])
    ]
    write(engine, control, SpanBatch("refused", rows))
    job.run(engine, control)
    first, second = report(engine, control, kept.listing(control), NOW)
    # Twenty of March's 22 weekdays have passed; evenly, it would be 21.74.
    assert (first.state.spent, first.projected, first.status) == (20, Decimal("22.00"), "used up")
    assert first.blocked == (3, 1, Decimal("0.75"))
    assert (second.status, second.blocked, second.as_json()["saved"]) == ("ok", (0, 0, None), None)
    with control.write() as connection:
        connection.execute(update(models.budgets).values(amount="21"))
    assert report(engine, control, kept.listing(control), NOW)[0].status == "projected"


def test_a_change_is_audited_without_names(embedded: Engine, control: Control) -> None:
    embedded.command("TRUNCATE TABLE audit_rows")
    first = budget("Acme", 10, slice={"customer": "acme"}, owner="Jo")
    made = budget_changes.choose(embedded, control, first, interface="test")
    budget_changes.choose(embedded, control, replace(first, amount=Decimal("12.50")), interface="test")
    gone = budget_changes.drop(embedded, control, "default", "Acme", interface="test")
    rows = embedded.rows("SELECT action, subject, details, state FROM audit ORDER BY at")
    assert [(row[0], row[2]["amount"], row[2].get("was", "")) for row in rows] == [
        ("budget set", "10", ""),
        ("budget set", "12.5", "10"),
        ("budget removed", "12.5", ""),
    ]
    assert {row[1] for row in rows} == {f"budget:{made.id}"} == {f"budget:{gone.id}"}
    assert "acme" not in str(rows).lower()
    assert "Jo" not in str(rows)
