"""The books by any split: days, hours and spans say the same, to the last digit."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_analytics.jobs import ledger as job
from spanledger_store import health, ledger
from spanledger_store.columns import SPAN_COLUMNS, SpanBatch, columnar
from spanledger_store.control import Control, dirty
from spanledger_store.engine import Engine
from spanledger_store.ledger import recompute
from spanledger_store.migrate import shipped
from spanledger_store.reports import calls, rollup
from spanledger_store.reports.books import SUMS, books, lines
from spanledger_store.reports.buckets import DAY, HOUR, Bucketing, Calendar, Cuts, fixed
from spanledger_store.scope import Dimension, Scope
from spanledger_store.writer import write
from tests.store.rows import span_row

BEGIN = datetime(2026, 3, 26, tzinfo=UTC)
HOURS = 24 * 9
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York")]
EXACT = Decimal("0.000000000001")


def calls_of(seed: int, count: int = 150) -> list[dict[str, Any]]:
    """Calls of nine days around a clock change and the end of a month."""
    dice = Random(seed)
    found: list[dict[str, Any]] = []
    for n in range(count):
        cost = None if dice.random() < 0.1 else EXACT * dice.randrange(1, 10**15)
        start = BEGIN + timedelta(seconds=dice.randrange(HOURS * 3600))
        found.append(
            {
                "trace_id": f"{n:032x}", "span_id": f"{n:016x}", "start_time": int(start.timestamp()) * 10**9,
                "customer": dice.choice(["", "acme", "globex"]), "feature": dice.choice(["chat", "search"]),
                "model": dice.choice(["gpt-4o", "claude"]), "prompt_name": dice.choice(["", "greet"]),
                "status": dice.choice(["ok", "ok", "error"]), "cost_usd": cost, "price_source": "x" if cost else "",
                "input_tokens": dice.choice([None, dice.randrange(10**6)]),
                "call_count": dice.choice([1, 1, 7]), "ingested_at": 1,
            }
        )  # fmt: skip
    return found


@pytest.fixture
def filled(engine: Engine) -> tuple[Engine, list[dict[str, Any]]]:
    """The calls of one seed, in spans and books."""
    made = calls_of(1)
    engine.insert("span_rows", columnar(SPAN_COLUMNS, [span_row(**each) for each in made]), "books")
    recompute(engine, [("default", BEGIN + timedelta(hours=n)) for n in range(HOURS)])
    return engine, made


def summed(
    calls: list[dict[str, Any]], scope: Scope, by: list[str], buckets: Bucketing | Cuts | None
) -> dict[tuple[Any, ...], tuple[int, int, int, Decimal]]:
    """(bucket, values) -> calls, unpriced calls, input tokens and cost, from the spans, the slow way."""
    starts = buckets.starts(scope.start, scope.end) if buckets else []
    found: defaultdict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0, 0, 0, Decimal(0)])
    for each in calls:
        at = datetime.fromtimestamp(each["start_time"] // 10**9, UTC)
        wanted = all(each[d.value] in values for d, values in scope.filters.items())
        if not scope.start <= at < scope.end or not wanted:
            continue
        bucket = [max(start for start in starts if start <= at)] if starts else []
        sums = found[*bucket, *(each[name] for name in by)]
        sums[0] += each["call_count"]
        sums[1] += each["call_count"] if each["cost_usd"] is None else 0
        sums[2] += each["input_tokens"] or 0
        sums[3] += each["cost_usd"] or 0
    return {key: (a, b, c, d) for key, (a, b, c, d) in found.items()}


def kinds_of_buckets() -> st.SearchStrategy[Any]:
    """No buckets, calendars, steps, and cuts at any hours."""
    calendars = st.tuples(st.just("calendar"), st.sampled_from(ZONES), st.sampled_from(Calendar))
    steps = st.sampled_from([HOUR, 6 * HOUR, DAY]).map(lambda step: ("step", ZONES[0], step))
    cuts = st.lists(st.integers(0, HOURS), max_size=4).map(lambda hours: ("cuts", ZONES[0], hours))
    return st.none() | calendars | steps | cuts


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.integers(0, HOURS - 1),
    length=st.integers(1, HOURS),
    at_midnight=st.booleans(),
    kind=kinds_of_buckets(),
    by=st.lists(st.sampled_from(["customer", "model", "prompt_name"]), unique=True),
    customers=st.none() | st.sampled_from([("acme",), ("acme", ""), ("nobody",)]),
)
def test_any_split_of_the_books_is_that_of_the_calls(
    filled: tuple[Engine, list[dict[str, Any]]],
    first: int,
    length: int,
    at_midnight: bool,
    kind: Any,
    by: list[str],
    customers: tuple[str, ...] | None,
) -> None:
    """Whichever of days, hours or both answer, and wherever scope and buckets begin and end."""
    engine, made = filled
    start = BEGIN + timedelta(hours=first // 24 * 24 if at_midnight else first)
    end = start + timedelta(hours=-(-length // 24) * 24 if at_midnight else length)
    filters = {} if customers is None else {Dimension.CUSTOMER: customers}
    scope = Scope("default", start, end, filters)
    buckets: Bucketing | Cuts | None = None
    if kind is not None:
        what, zone, value = kind
        if what == "calendar":
            buckets = Bucketing(zone, calendar=value)
        elif what == "step":
            buckets = fixed(value, start, zone)
        else:
            buckets = Cuts((start, *(BEGIN + timedelta(hours=hour) for hour in value)))
    frame = lines(engine, scope, by, buckets)
    keys = [*(["bucket"] if buckets else []), *by]
    found = {
        tuple(row[key] for key in keys): (row["calls"], row["unpriced_calls"], row["input_tokens"], row["cost_usd"])
        for row in frame.iter_rows(named=True)
        if row["calls"]
    }
    assert found == summed(made, scope, by, buckets)


def test_whole_days_are_read_from_days_and_edges_from_hours() -> None:
    days = timedelta(days=1)
    whole = Scope("default", BEGIN, BEGIN + 9 * days)
    edges = Scope("default", BEGIN + timedelta(hours=5), BEGIN + 9 * days)
    berlin = Bucketing(ZONES[1], calendar=Calendar.WEEK)
    cases = [
        (whole, None, 9), (edges, None, 8), (whole, Bucketing(ZONES[0], calendar=Calendar.MONTH), 9),
        (whole, Bucketing(ZONES[1], calendar=Calendar.DAY), 0), (whole, fixed(HOUR, BEGIN, ZONES[0]), 0),
        (whole, berlin, 8), (whole, Cuts((BEGIN, BEGIN + 2 * days, BEGIN + timedelta(hours=80))), 8),
        (Scope("default", BEGIN + timedelta(hours=1), BEGIN + timedelta(hours=3)), None, 0),
    ]  # fmt: skip
    for scope, buckets, expected in cases:
        assert rollup.source(scope, buckets, SUMS).days == expected, (scope, buckets)


def test_brief_reports_have_the_same_sums(filled: tuple[Engine, list[dict[str, Any]]]) -> None:
    engine, _ = filled
    scope = Scope("default", BEGIN + timedelta(hours=3), BEGIN + timedelta(days=9), {Dimension.FEATURE: ("chat",)})
    weeks = Bucketing(ZONES[0], calendar=Calendar.WEEK)
    whole = calls.groups(engine, scope, Dimension.CUSTOMER)
    brief = calls.groups(engine, scope, Dimension.CUSTOMER, brief=True)
    estimates = ["teams", "percentiles_ns"]
    assert brief.drop(estimates).to_dicts() == whole.drop(estimates).to_dicts()
    assert calls.labels(engine, scope, Dimension.CUSTOMER) == whole["label"].to_list()
    both = [calls.series(engine, scope, weeks, brief=flag).drop("percentiles_ns").to_dicts() for flag in (True, False)]
    assert both[0] == both[1] != []
    total = calls.totals(engine, scope, brief=True)
    assert total.p95_ns is None
    assert total.priced_cost == calls.totals(engine, scope).priced_cost == sum(whole["cost_usd"].to_list())


def test_values_that_do_not_lead_are_one_line(filled: tuple[Engine, list[dict[str, Any]]]) -> None:
    engine, _ = filled
    scope = Scope("default", BEGIN, BEGIN + timedelta(days=9))
    days = Bucketing(ZONES[0], calendar=Calendar.DAY)
    every = calls.spend_series(engine, scope, Dimension.CUSTOMER, days)
    some = calls.spend_series(engine, scope, Dimension.CUSTOMER, days, leading=["acme"])
    assert set(every["label"]) == {"", "acme", "globex"}
    assert set(some["label"]) == {"acme", None}
    for bucket in set(every["bucket"]):
        there, here = (frame.filter(bucket=bucket)["cost"].sum() for frame in (every, some))
        assert there == here


def test_what_the_ledger_lacks_is_refused(embedded: Engine) -> None:
    scope = Scope("default", BEGIN, BEGIN + timedelta(days=1))
    with pytest.raises(ValueError, match="no user"):
        books(embedded, scope, [Dimension.USER])
    with pytest.raises(ValueError, match="no colour"):
        lines(embedded, scope, ["colour"])
    with pytest.raises(ValueError, match="full hours"):
        books(embedded, scope, [], Cuts((BEGIN + timedelta(minutes=30),)))


def test_a_slice_that_vanishes_from_a_day_leaves_its_line(engine: Engine, control: Control) -> None:
    made = calls_of(2, 20)
    write(engine, control, SpanBatch("a", [span_row(**each) for each in made]))
    job.run(engine, control)
    moved = [span_row(**{**each, "customer": "moved", "ingested_at": 2}) for each in made]
    write(engine, control, SpanBatch("b", moved))
    job.run(engine, control)
    assert engine.rows("SELECT DISTINCT customer FROM ledger_days") == [("moved",)]
    assert engine.rows("SELECT sum(calls) FROM ledger_days") == [(sum(each["call_count"] for each in made),)]
    revisions = "SELECT count(), max(revision) FROM ledger_day_rows"
    before = engine.rows(revisions)
    recompute(engine, [("default", BEGIN + timedelta(hours=n)) for n in range(HOURS)])
    assert engine.rows(revisions) == before  # what has not changed is not written again


def test_days_that_differ_from_their_hours_are_named_and_mended(engine: Engine, control: Control) -> None:
    write(engine, control, SpanBatch("a", [span_row(**each) for each in calls_of(3, 20)]))
    job.run(engine, control)
    assert health.ledger_check(engine, control).state == "ok"
    engine.command(
        "INSERT INTO ledger_day_rows SELECT * REPLACE (cost_usd - toDecimal128('0.000000000001', 12) AS cost_usd,"
        " revision + 1 AS revision) FROM ledger_day_rows FINAL WHERE calls > 0 LIMIT 1"
    )
    wrong = health.ledger_check(engine, control)
    assert wrong.state == "fail"
    assert "1 day(s) differ from their hours" in wrong.detail
    assert "cost_usd +1E-12" in wrong.detail or "cost_usd +0.000000000001" in wrong.detail
    assert dirty.count(control) == 1
    job.run(engine, control)
    assert engine.rows(ledger.day_differences()) == []
    assert health.ledger_check(engine, control).state == "ok"


def test_totals_that_differ_from_their_days_are_named_and_mended(engine: Engine, control: Control) -> None:
    write(engine, control, SpanBatch("a", [span_row(**each) for each in calls_of(3, 20)]))
    job.run(engine, control)
    engine.command(
        "INSERT INTO ledger_total_rows SELECT * REPLACE (calls + 1 AS calls, revision + 1 AS revision)"
        " FROM ledger_total_rows FINAL WHERE calls > 0 LIMIT 1"
    )
    wrong = health.ledger_check(engine, control)
    assert wrong.state == "fail"
    assert "1 day(s) differ from the sums over their customers" in wrong.detail
    job.run(engine, control)
    assert engine.rows(ledger.total_differences()) == []
    assert health.ledger_check(engine, control).state == "ok"


def test_whom_nobody_asks_for_is_not_read(engine: Engine, control: Control) -> None:
    write(engine, control, SpanBatch("a", [span_row(**each) for each in calls_of(3, 20)]))
    job.run(engine, control)
    scope = Scope("default", BEGIN, BEGIN + timedelta(days=5))
    assert "ledger_total_rows" in rollup.source(scope, None, ["model", "cost_usd"]).sql
    one = replace(scope, filters={Dimension.CUSTOMER: ("acme",)})
    for asked, columns in ((scope, ["customer"]), (one, ["model"])):
        assert "ledger_day_rows" in rollup.source(asked, None, columns).sql


def test_the_migration_fills_totals_from_days_and_may_run_again(engine: Engine, control: Control) -> None:
    write(engine, control, SpanBatch("a", [span_row(**each) for each in calls_of(4, 40)]))
    job.run(engine, control)
    expected = engine.rows("SELECT * FROM ledger_totals ORDER BY ALL")
    engine.command("TRUNCATE TABLE ledger_total_rows")
    backfill = next(each for each in shipped() if each.slug == "ledger_totals").statements()[-1]
    for _ in range(2):
        engine.command(backfill)
        assert engine.rows("SELECT * FROM ledger_totals ORDER BY ALL") == expected != []


def test_the_migration_fills_days_from_hours_and_may_run_again(engine: Engine, control: Control) -> None:
    write(engine, control, SpanBatch("a", [span_row(**each) for each in calls_of(4, 40)]))
    job.run(engine, control)
    expected = engine.rows("SELECT * FROM ledger_days ORDER BY ALL")
    engine.command("TRUNCATE TABLE ledger_day_rows")
    backfill = next(each for each in shipped() if each.slug == "ledger_days").statements()[-1]
    for _ in range(2):
        engine.command(backfill)
        assert engine.rows("SELECT * FROM ledger_days ORDER BY ALL") == expected
    moved = [span_row(**{**each, "ingested_at": 2, "team": "new"}) for each in calls_of(4, 40)]
    write(engine, control, SpanBatch("b", moved))
    job.run(engine, control)
    newer = engine.rows("SELECT * FROM ledger_days ORDER BY ALL")
    engine.command(
        "INSERT INTO ledger_day_rows SELECT * REPLACE (0 AS revision, calls + 1 AS calls) FROM ledger_day_rows FINAL"
        " WHERE calls > 0"
    )
    assert engine.rows("SELECT * FROM ledger_days ORDER BY ALL") == newer  # revision 0 never wins over what came later


def test_cuts_are_buckets_like_others() -> None:
    cuts = Cuts((BEGIN + timedelta(days=2), BEGIN, BEGIN))
    assert cuts.starts(BEGIN, BEGIN + timedelta(days=5)) == [BEGIN, BEGIN + timedelta(days=2)]
    assert cuts.starts(BEGIN + timedelta(days=1), BEGIN + timedelta(days=2)) == [BEGIN]
    assert cuts.starts(BEGIN, BEGIN) == []
    assert cuts.whole_hours
    assert rollup.source(Scope("default", BEGIN, BEGIN + timedelta(days=1)), cuts, ["calls"]).params == {
        "first_day": date(2026, 3, 26), "last_day": date(2026, 3, 26), "cut_days": [],
    }  # fmt: skip
