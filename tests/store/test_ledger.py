from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_analytics.jobs import ledger as job
from spanledger_store import ledger
from spanledger_store.columns import HOUR_NS, SpanBatch
from spanledger_store.control import Control, dirty
from spanledger_store.engine import Engine
from spanledger_store.finance.spend import spend
from spanledger_store.finance.spend_request import SpendBy, SpendRequest
from spanledger_store.reports import calls
from spanledger_store.scope import Scope
from spanledger_store.writer import write
from tests.conftest import TABLES
from tests.store.rows import span_row

START = 1_780_002_000_000_000_000  # a full hour
SUMS = """
    count(), countIf(status = 'error'), countIf(cost_usd IS NULL AND price_source = ''),
    sum(ifNull(input_tokens, 0)), sum(ifNull(cache_read_tokens, 0)), sum(ifNull(cache_write_tokens, 0)),
    sum(ifNull(output_tokens, 0)), sum(ifNull(reasoning_tokens, 0)), sum(ifNull(cost_usd, 0)),
    sum(ifNull(input_cost_usd, 0)), sum(ifNull(output_cost_usd, 0)), sum(ifNull(client_cost_usd, 0))
"""
LEDGER_SUMS = """
    sum(calls), sum(errors), sum(unpriced_calls), sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens),
    sum(output_tokens), sum(reasoning_tokens), sum(cost_usd), sum(input_cost_usd), sum(output_cost_usd),
    sum(client_cost_usd)
"""
SLICE = "project_id, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release"


def by_slice(engine: Engine) -> tuple[list[Any], list[Any]]:
    """What the spans say and what the ledger says, for every slice and hour."""
    spans = engine.rows(
        f"SELECT toDateTime64(toStartOfHour(start_time), 0, 'UTC') AS hour, {SLICE}, {SUMS}"
        f" FROM spans WHERE is_billable GROUP BY ALL ORDER BY ALL"
    )
    books = engine.rows(f"SELECT hour, {SLICE}, {LEDGER_SUMS} FROM ledger GROUP BY ALL ORDER BY ALL")
    by_hours = engine.rows(f"SELECT toDate(hour) AS day, {SLICE}, {LEDGER_SUMS} FROM ledger GROUP BY ALL ORDER BY ALL")
    by_days = engine.rows(f"SELECT day, {SLICE}, {LEDGER_SUMS} FROM ledger_days GROUP BY ALL ORDER BY ALL")
    assert by_days == by_hours
    assert engine.rows(ledger.day_differences()) == []
    without = SLICE.replace("customer, ", "")
    assert without != SLICE
    totals = engine.rows(f"SELECT day, {without}, {LEDGER_SUMS} FROM ledger_totals GROUP BY ALL ORDER BY ALL")
    assert totals == engine.rows(f"SELECT day, {without}, {LEDGER_SUMS} FROM ledger_days GROUP BY ALL ORDER BY ALL")
    assert engine.rows(ledger.total_differences()) == []
    return [tuple(row) for row in spans], [tuple(row) for row in books]


money = st.decimals(min_value=0, max_value=1000, places=12, allow_nan=False)
counts = st.none() | st.integers(0, 10**9)
spans = st.fixed_dictionaries(
    {
        "trace_id": st.integers(0, 3).map(lambda n: f"{n:032x}"),
        "span_id": st.integers(0, 3).map(lambda n: f"{n:016x}"),
        "start_time": st.integers(0, 3).map(lambda n: START + n * HOUR_NS // 2),
        "project_id": st.sampled_from(["default", "other"]),
        "customer": st.sampled_from(["", "acme", "globex"]),
        "model": st.sampled_from(["gpt-4o", "claude"]),
        "status": st.sampled_from(["ok", "error"]),
        "is_billable": st.booleans(),
        "input_tokens": counts,
        "cache_read_tokens": counts,
        "output_tokens": counts,
        "reasoning_tokens": counts,
        "cost_usd": st.none() | money,
        "input_cost_usd": money,
        "price_source": st.sampled_from(["", "test"]),
        "client_cost_usd": st.none() | money,
    }
)
steps = st.lists(st.tuples(st.lists(spans, min_size=1, max_size=6), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_ledger_equals_spans_for_any_arrivals_repeats_and_changes(
    engine: Engine, control: Control, steps: list[tuple[list[dict[str, Any]], bool]]
) -> None:
    """Spans come, come again, come changed (another customer, model, price), with recomputing anywhere between."""
    for table in TABLES:
        engine.command(f"TRUNCATE TABLE {table}")
    for number, (batch, recompute) in enumerate(steps):
        rows = [span_row(**values, ingested_at=START + number * 1000 + i) for i, values in enumerate(batch)]
        write(engine, control, SpanBatch(f"step-{number}-{hash(str(rows))}", rows))
        if recompute:
            job.run(engine, control)
    job.run(engine, control)
    said, written = by_slice(engine)
    assert said == written
    assert dirty.pending(control) == []


def test_recomputing_again_changes_nothing(engine: Engine, control: Control) -> None:
    write(engine, control, SpanBatch("a", [span_row(), span_row(span_id="2" * 16, customer="globex")]))
    job.run(engine, control)
    before = by_slice(engine)
    hour = datetime.fromtimestamp(1_780_000_000 // 3600 * 3600, UTC)
    ledger.recompute(engine, [("default", hour)])
    ledger.recompute(engine, [("default", hour)])
    assert by_slice(engine) == before
    assert before[0] == before[1]


def test_a_deleted_span_leaves_the_books(engine: Engine, control: Control) -> None:
    write(engine, control, SpanBatch("a", [span_row(), span_row(span_id="2" * 16, customer="globex")]))
    job.run(engine, control)
    engine.command("DELETE FROM span_rows WHERE customer = 'globex'")
    dirty.mark(control, [("default", datetime.fromtimestamp(1_780_000_000, UTC))])
    job.run(engine, control)
    assert engine.rows("SELECT customer, calls FROM ledger") == [("acme", 1)]


def test_an_hour_marked_while_it_is_recomputed_stays_marked(engine: Engine, control: Control) -> None:
    write(engine, control, SpanBatch("a", [span_row()]))
    hours = dirty.pending(control)
    ledger.recompute(engine, [(each.project_id, each.hour) for each in hours])
    write(engine, control, SpanBatch("b", [span_row(span_id="2" * 16)]))
    dirty.clear(control, hours)
    assert len(dirty.pending(control)) == 1
    job.run(engine, control)
    assert engine.rows("SELECT sum(calls) FROM ledger") == [(2,)]


def test_failures_without_usage_are_no_unpriced_calls(engine: Engine, control: Control) -> None:
    unknown = {"cost_usd": None, "input_tokens": None, "output_tokens": None}
    write(
        engine,
        control,
        SpanBatch(
            "a",
            [
                span_row(span_id="1" * 16, price_source="failed without usage", status="error", **unknown),
                span_row(span_id="2" * 16, price_source="", **unknown),
                span_row(span_id="3" * 16, price_source="cache hit", cost_usd=Decimal(0), cache_hit=True),
            ],
        ),
    )
    job.run(engine, control)
    found = engine.rows("SELECT sum(calls), sum(errors), sum(unpriced_calls), sum(cache_hits) FROM ledger")
    assert found == [(3, 1, 1, 1)]


def test_latency_sketches_merge_over_slices(engine: Engine, control: Control) -> None:
    rows = [
        span_row(span_id=f"{i:016x}", customer=f"c{i % 3}", duration_ns=i * 1_000_000, ttft_ns=i * 1000)
        for i in range(1, 1001)
    ]
    write(engine, control, SpanBatch("a", rows))
    job.run(engine, control)
    p50, p95, p99 = engine.rows("SELECT quantilesTDigestMerge(0.5, 0.95, 0.99)(duration_digest) FROM latency")[0][0]
    for found, truth in ((p50, 500e6), (p95, 950e6), (p99, 990e6)):
        assert abs(found - truth) / truth < 0.01


def test_unpriced_calls_beside_failures_have_no_cost_rather_than_none_at_all(engine: Engine, control: Control) -> None:
    """A self-hosted model without a price, some of whose calls failed, is not free."""
    unknown = {"cost_usd": None, "input_cost_usd": None, "output_cost_usd": None}
    rows = [
        span_row(span_id="1" * 16, price_source="", **unknown),
        span_row(span_id="2" * 16, price_source="failed without usage", status="error", input_tokens=None, **unknown),
    ]
    write(engine, control, SpanBatch("a", rows))
    job.run(engine, control)
    moment = datetime.fromtimestamp(START // 10**9, UTC)
    scope = Scope("default", moment - timedelta(days=1), moment + timedelta(days=1))
    found = calls.totals(engine, scope)
    assert (found.calls, found.unpriced_calls, found.cost) == (2, 1, None)
    start, end = (each.replace(minute=0, second=0) for each in (scope.start, scope.end))
    asked = SpendRequest("default", start, end, ZoneInfo("UTC"), (SpendBy.MODEL,))
    assert [row[-1] for row in spend(engine, control, asked).rows] == [None]


def test_a_row_that_stands_for_many_calls_counts_as_many(engine: Engine, control: Control) -> None:
    sums = span_row(span_id="a" * 16, call_count=812, status="error", cost_usd=None, price_source="")
    write(engine, control, SpanBatch("sums", [sums, span_row()]))
    ledger.recompute(engine, sorted(SpanBatch("", [sums]).hours()))
    assert engine.rows("SELECT sum(calls), sum(errors), sum(unpriced_calls) FROM ledger") == [(813, 812, 812)]
    assert engine.rows(ledger.differences()) == []
