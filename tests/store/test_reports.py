"""Reports on both engines: the ledger and the spans answer alike, and pages of traces are whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from itertools import pairwise
from string import Template
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_store.columns import CONTENT_COLUMNS, SPAN_COLUMNS, columnar
from spanledger_store.engine import Engine
from spanledger_store.ledger import recompute
from spanledger_store.reports import calls, catalog, trace, traces
from spanledger_store.reports.buckets import HOUR, Bucketing, Calendar, automatic, fixed
from spanledger_store.reports.traces import Cursor, Order, TraceSearch
from spanledger_store.scope import Dimension, Scope, whole_hours
from spanledger_store.sql import load
from tests.store.rows import content_row, span_row

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
PRICE = Decimal("0.000000000123")


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Sixty traces of a root and a call over two days around a clock change, each in another quarter of an hour."""
    spans, content = [], []
    for n in range(60):
        start = ns(NOON + timedelta(minutes=47 * n))
        shared = {
            "trace_id": f"{n:032x}",
            "customer": ["acme", "globex", ""][n % 3],
            "feature": ["chat", "search"][n % 2],
            "team": ["core", "edge"][n % 2],
            "model": ["gpt-4o", "homemade"][n % 5 == 0],
            "user": f"u{n % 7}",
            "tags": ["beta"] if n % 4 == 0 else [],
        }
        spans.append(
            span_row(**shared, span_id=f"{2 * n:016x}", name="agent", kind="agent", start_time=start,
                     duration_ns=2_000_000_000 + n, is_billable=False, cost_usd=None, input_tokens=None,
                     output_tokens=None)
        )  # fmt: skip
        spans.append(
            span_row(**shared, span_id=f"{2 * n + 1:016x}", parent_span_id=f"{2 * n:016x}", start_time=start + 1000 + n,
                     status="error" if n % 10 == 0 else "ok", duration_ns=(n + 1) * 10_000_000,
                     cost_usd=None if n % 5 == 0 else PRICE * (n + 1), cache_read_tokens=n,
                     price_source="" if n % 5 == 0 else "test")
        )  # fmt: skip
        words = "refund please" if n % 6 == 0 else "shipping question"
        content.append(content_row(trace_id=f"{n:032x}", span_id=f"{2 * n + 1:016x}", start_time=start, input=words))
    engine.insert("span_rows", columnar(SPAN_COLUMNS, spans), "a")
    # Sent twice: a report must not count it twice.
    engine.insert("span_rows", columnar(SPAN_COLUMNS, spans[:40]), "b")
    engine.insert("span_content_rows", columnar(CONTENT_COLUMNS, content), "c")
    hours = [("default", NOON + timedelta(hours=h)) for h in range(50)]
    recompute(engine, hours)
    return engine


@pytest.fixture
def scope() -> Scope:
    return Scope("default", NOON, NOON + timedelta(hours=50))


def exact(frame: pl.DataFrame) -> list[dict[str, object]]:
    """Rows without the percentiles, which are estimates."""
    return frame.drop("percentiles_ns", strict=False).to_dicts()


def test_totals_are_exact_and_unpriced_calls_are_counted(filled: Engine, scope: Scope) -> None:
    found = calls.totals(filled, scope)
    assert (found.calls, found.errors, found.unpriced_calls) == (60, 6, 12)
    assert found.priced_cost == PRICE * sum(n + 1 for n in range(60) if n % 5)
    assert found.tokens["cache_read"] == sum(range(60))
    assert found.p50_ns == pytest.approx(305e6, rel=0.05)
    assert found.cost_per_call == found.priced_cost / 48


def test_a_slice_without_any_price_has_no_cost(filled: Engine, scope: Scope) -> None:
    slice_ = Scope(scope.project, scope.start, scope.end, {Dimension.MODEL: ("homemade",)})
    found = calls.totals(filled, slice_)
    assert (found.calls, found.cost, found.cost_per_call) == (12, None, None)


def test_nothing_is_nothing_and_not_zero_dollars(filled: Engine) -> None:
    found = calls.totals(filled, Scope("elsewhere", NOON, NOON + timedelta(hours=1)))
    assert (found.calls, found.cost, found.error_rate, found.p95_ns) == (0, None, None, None)


@pytest.mark.parametrize("filters", [{}, {Dimension.CUSTOMER: ("acme", "")}, {Dimension.FEATURE: ("chat",)}])
def test_ledger_and_spans_answer_alike(filled: Engine, scope: Scope, filters: dict[Dimension, tuple[str, ...]]) -> None:
    narrowed = Scope(scope.project, scope.start, scope.end, filters)
    by_ledger, by_spans = (calls.totals(filled, narrowed, ledger=flag) for flag in (True, False))
    assert by_ledger.priced_cost == by_spans.priced_cost > 0
    assert by_ledger.tokens == by_spans.tokens
    for dimension in (Dimension.CUSTOMER, Dimension.MODEL, Dimension.TEAM):
        left, right = (calls.groups(filled, narrowed, dimension, ledger=flag) for flag in (True, False))
        assert exact(left) == exact(right)
    for buckets in (automatic(scope.start, scope.end, BERLIN), Bucketing(BERLIN, calendar=Calendar.DAY)):
        left, right = (calls.series(filled, narrowed, buckets, ledger=flag) for flag in (True, False))
        assert exact(left) == exact(right)


def test_groups_keep_what_nobody_is_named_for(filled: Engine, scope: Scope) -> None:
    frame = calls.groups(filled, scope, Dimension.CUSTOMER)
    assert dict(zip(frame["label"], frame["calls"], strict=True)) == {"acme": 20, "globex": 20, "": 20}
    assert frame["cost_usd"].to_list() == sorted(frame["cost_usd"], reverse=True)
    assert calls.groups(filled, scope, Dimension.FEATURE)["teams"].to_list() in (["core", "edge"], ["edge", "core"])


@pytest.mark.parametrize("dimension", [Dimension.USER, Dimension.TAG, Dimension.STATUS])
def test_dimensions_the_ledger_lacks_come_from_spans(filled: Engine, scope: Scope, dimension: Dimension) -> None:
    frame = calls.groups(filled, scope, dimension)
    assert frame.height == {Dimension.USER: 7, Dimension.TAG: 1, Dimension.STATUS: 2}[dimension]
    one = Scope(scope.project, scope.start, scope.end, {dimension: (frame["label"][0],)})
    assert not one.on_ledger
    assert calls.totals(filled, one).calls == frame["calls"][0]


def test_every_bucket_of_every_kind_adds_up(filled: Engine, scope: Scope) -> None:
    total = calls.totals(filled, scope)
    kinds = [automatic(scope.start, scope.end, zone) for zone in (BERLIN, KOLKATA)]
    kinds += [Bucketing(zone, calendar=unit) for zone in (BERLIN, KOLKATA) for unit in Calendar]
    for buckets in kinds:
        frame = calls.spend_series(filled, scope, Dimension.MODEL, buckets)
        assert frame["cost"].sum() == total.priced_cost
        assert set(frame["bucket"]) <= set(buckets.starts(scope.start, scope.end))


def test_days_follow_the_clock_change() -> None:
    days = Bucketing(BERLIN, calendar=Calendar.DAY).starts(NOON, NOON + timedelta(hours=50))
    assert [b - a for a, b in pairwise(days)] == [timedelta(hours=24), timedelta(hours=23)]
    assert not Bucketing(KOLKATA, calendar=Calendar.DAY).whole_hours


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.integers(1, 10_000))  # noqa: DTZ001
def test_buckets_cover_their_stretch_without_gaps(start: datetime, minutes: int) -> None:
    first = start.replace(tzinfo=UTC)
    last = first + timedelta(minutes=minutes)
    for buckets in (automatic(first, last, BERLIN), fixed(HOUR, first, KOLKATA)):
        starts = buckets.starts(first, last)
        assert starts[0] <= first < starts[0] + timedelta(seconds=buckets.step or 25 * HOUR)
        assert starts[-1] < last
        assert len(starts) <= 1 + (last - first).total_seconds() / (buckets.step or 23 * HOUR) + 1


def test_whole_hours_widen_and_leave_full_hours_alone() -> None:
    start, end = NOON + timedelta(minutes=5), NOON + timedelta(minutes=65)
    assert whole_hours(start, end) == (NOON, NOON + timedelta(hours=2))
    assert whole_hours(NOON, NOON + timedelta(hours=1)) == (NOON, NOON + timedelta(hours=1))


def test_a_scope_needs_zones() -> None:
    with pytest.raises(ValueError, match="zone"):
        Scope("default", datetime(2026, 1, 1), datetime(2026, 1, 2))  # noqa: DTZ001


@pytest.mark.parametrize("order", list(Order))
def test_pages_of_traces_are_whole(filled: Engine, scope: Scope, order: Order) -> None:
    search, seen, after = TraceSearch(scope), [], None
    while True:
        frame = traces.page(filled, search, order, 7, after)
        seen += frame["trace_id"].to_list()
        if frame.height < 7:
            break
        last = frame.row(-1, named=True)
        after = Cursor(int(last["sort_key"]), last["trace_id"])
    assert len(seen) == len(set(seen)) == 60
    whole = traces.page(filled, search, order, 100)
    assert whole["trace_id"].to_list() == seen
    assert whole["span_count"].unique().to_list() == [2]


def test_searches_narrow_traces(filled: Engine, scope: Scope) -> None:
    def count(search: TraceSearch) -> int:
        return traces.page(filled, search, Order.NEWEST, 100).height

    assert count(TraceSearch(scope, text="REFUND please")) == 10
    assert count(TraceSearch(scope, text="refund question")) == 0
    assert count(TraceSearch(scope, text=f"{7:032x}")) == 1
    assert count(TraceSearch(scope, errors_only=True)) == 6
    assert count(TraceSearch(scope, min_duration_ns=2_000_000_050)) == 10
    assert count(TraceSearch(scope, min_cost=PRICE * 58)) == 3
    assert count(TraceSearch(scope, text="' OR 1=1 --")) == 0
    by_tag = Scope(scope.project, scope.start, scope.end, {Dimension.TAG: ("beta",)})
    assert count(TraceSearch(by_tag)) == 15


def test_the_histogram_and_the_facets_count_traces(filled: Engine, scope: Scope) -> None:
    search = TraceSearch(Scope(scope.project, scope.start, scope.end, {Dimension.CUSTOMER: ("acme",)}))
    frame = traces.histogram(filled, search, automatic(scope.start, scope.end, BERLIN))
    assert (frame["traces"].sum(), frame["failed_traces"].sum()) == (20, 2)
    wanted = [Dimension.CUSTOMER, Dimension.FEATURE, Dimension.TAG]
    customers, features, tags = (traces.facets(filled, search, wanted)[dimension] for dimension in wanted)
    assert dict(zip(customers["label"], customers["traces"], strict=True)) == {"acme": 20, "globex": 20}
    assert features["traces"].sum() == 20
    assert tags["traces"].to_list() == [5]


def test_facets_count_each_trace_once_however_many_spans_hold_the_value(filled: Engine, scope: Scope) -> None:
    """Against the plainest statement that says the same."""
    frames = traces.facets(filled, TraceSearch(scope), [Dimension.MODEL, Dimension.USER, Dimension.TEAM], limit=100)
    for dimension, frame in frames.items():
        plain = filled.rows(
            f"SELECT {dimension.value} AS label, uniqExact(trace_id) AS n FROM spans "
            "GROUP BY label ORDER BY n DESC, label"
        )
        assert frame.rows() == [tuple(row) for row in plain]


def test_a_trace_that_pauses_for_hours_stands_where_it_began(filled: Engine, scope: Scope) -> None:
    """The newest are looked for at the scope's end, where this one only goes on; it failed long before that."""
    late = scope.end - timedelta(minutes=10)
    rows = [
        span_row(trace_id="f" * 32, span_id=f"{n:016x}", parent_span_id="", start_time=ns(moment), status=status)
        for n, (moment, status) in enumerate([(NOON + timedelta(hours=3, minutes=1), "error"), (late, "ok")], start=900)
    ]
    filled.insert("span_rows", columnar(SPAN_COLUMNS, rows), "paused")
    # Enough newer traces for the shortest look to be satisfied without a longer one.
    newer = [
        span_row(trace_id=f"e{n:031x}", span_id=f"{n:016x}", parent_span_id="", start_time=ns(late) + n)
        for n in range(5)
    ]
    filled.insert("span_rows", columnar(SPAN_COLUMNS, newer), "newer")
    whole = traces.page(filled, TraceSearch(scope), Order.NEWEST, 100)
    at = whole["trace_id"].to_list().index("f" * 32)
    assert whole["started"].is_sorted(descending=True)
    assert (whole["span_count"][at], whole["error_count"][at]) == (2, 1)
    for limit in (3, 5, 6, 20, at + 1):
        assert traces.page(filled, TraceSearch(scope), Order.NEWEST, limit).equals(whole.head(limit))
    errors = traces.page(filled, TraceSearch(scope, errors_only=True), Order.NEWEST, 4)
    assert (
        errors["trace_id"].to_list()
        == [t for t, n in zip(whole["trace_id"], whole["error_count"], strict=True) if n][:4]
    )


def test_one_users_traces_are_found_among_all(filled: Engine, scope: Scope) -> None:
    by_user = Scope(scope.project, scope.start, scope.end, {Dimension.USER: ("u3", "nobody")})
    found = traces.page(filled, TraceSearch(by_user), Order.NEWEST, 100)["trace_id"].to_list()
    assert sorted(found) == [f"{n:032x}" for n in range(60) if n % 7 == 3]


def test_a_span_that_names_another_user_now_counts_for_that_one_alone(filled: Engine, scope: Scope) -> None:
    """The index on users knows every version of a span; the answer knows the last."""
    start = ns(NOON + timedelta(minutes=47 * 3)) + 1003
    renamed = span_row(trace_id=f"{3:032x}", span_id=f"{7:016x}", start_time=start, user="new", ingested_at=2**62)
    before = calls.totals(filled, Scope(scope.project, scope.start, scope.end, {Dimension.USER: ("u3",)})).calls
    filled.insert("span_rows", columnar(SPAN_COLUMNS, [renamed]), "renamed")
    for user, expected in (("u3", before - 1), ("new", 1)):
        one = Scope(scope.project, scope.start, scope.end, {Dimension.USER: (user,)})
        assert calls.totals(filled, one).calls == expected
        assert calls.groups(filled, scope, Dimension.USER).filter(pl.col("label") == user)["calls"][0] == expected


@pytest.mark.parametrize("dimension", [Dimension.CUSTOMER, Dimension.USER, Dimension.TAG])
def test_labels_are_those_of_the_groups(filled: Engine, scope: Scope, dimension: Dimension) -> None:
    assert calls.labels(filled, scope, dimension) == calls.groups(filled, scope, dimension)["label"].to_list()


def test_one_trace_with_what_it_carried(filled: Engine) -> None:
    wanted = f"{6:032x}"
    frame = trace.spans(filled, "default", wanted)
    assert frame["span_id"].to_list() == [f"{12:016x}", f"{13:016x}"]
    assert frame["cost_usd"].to_list() == [None, PRICE * 7]
    assert trace.spans(filled, "default", wanted, f"{13:016x}").height == 1
    (content,) = trace.contents(filled, "default", wanted)
    assert (content.span_id, content.input) == (f"{13:016x}", "refund please")
    maps = trace.maps(filled, "default", wanted, content.span_id)
    assert maps is not None
    assert maps.attributes == {}
    assert trace.maps(filled, "default", wanted, "none") is None
    assert trace.scores(filled, "default", wanted).is_empty()
    assert trace.spans(filled, "elsewhere", wanted).is_empty()


def test_the_catalog(filled: Engine) -> None:
    assert catalog.projects(filled) == ["default"]
    assert catalog.latest_span(filled, "default") == NOON + timedelta(minutes=47 * 59, microseconds=1)
    assert catalog.latest_span(filled, "elsewhere") is None
    found = catalog.values(filled, "default", "GLO")
    assert found.select("dimension", "label").rows() == [("customer", "globex")]
    assert catalog.traces_named(filled, "default", f"{1:032x}"[:31]) == [f"{n:032x}" for n in range(5)]


def test_every_parameter_of_a_report_is_typed_in_its_sql() -> None:
    for entry in files("spanledger_store").joinpath("queries").iterdir():
        text = load(entry.name.removesuffix(".sql"))
        assert Template(text).is_valid(), entry.name
        assert text.startswith("--"), f"{entry.name} does not say what it is for"
