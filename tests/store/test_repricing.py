"""Repricing: current prices on stored calls, the ledger equal to the spans, and nothing to do a second time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from spanledger.pricing import Cost, price
from spanledger.usage import Usage
from spanledger_analytics.jobs import ledger as job
from spanledger_store import stored_calls
from spanledger_store.columns import SPAN_COLUMNS, SpanBatch
from spanledger_store.control import Control, dirty
from spanledger_store.engine import Engine
from spanledger_store.pricing import repricing
from spanledger_store.pricing.repricing import Change, Period
from spanledger_store.writer import write
from tests.conftest import TABLES
from tests.store.rows import span_row
from tests.store.test_ledger import START, by_slice, spans

ALL = Period(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
UNTOUCHED = ", ".join(
    name for name in SPAN_COLUMNS if "cost" not in name and name not in ("price_source", "ingested_at")
)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    """The shared engine, with what repricing notes down emptied too."""
    for table in ("audit_rows", "repricing_rows"):
        engine.command(f"TRUNCATE TABLE {table}")
    return engine


def run(engine: Engine, control: Control, period: Period = ALL, **options: bool) -> Mapping[tuple[str, str], Change]:
    return repricing.reprice(engine, control, period, interface="test", **options)


@settings(max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(
    batches=st.lists(st.lists(spans, min_size=1, max_size=8), min_size=1, max_size=3),
    block=st.sampled_from([1, 3, 20_000]),
    late=spans,
)
def test_ledger_equals_spans_after_repricing_any_data(
    engine: Engine,
    control: Control,
    batches: list[list[dict[str, Any]]],
    block: int,
    late: dict[str, Any],
) -> None:
    """Whatever came, in whatever versions: each call's price is the list's, a later arrival still wins."""
    for table in TABLES:
        engine.command(f"TRUNCATE TABLE {table}")
    for number, batch in enumerate(batches):
        rows = [span_row(**each, ingested_at=START + number * 1000 + 10 * i) for i, each in enumerate(batch)]
        write(engine, control, SpanBatch(f"step-{number}-{hash(str(rows))}", rows))
    before = engine.rows(f"SELECT {UNTOUCHED}, client_cost_usd FROM spans ORDER BY ALL")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_calls, "BLOCK", block)
        for project in ("default", "other"):
            run(engine, control, replace(ALL, project=project))
            again = run(engine, control, replace(ALL, project=project))
            assert sum(each.changed for each in again.values()) == 0
            assert all(each.old_cost == each.new_cost for each in again.values())
    assert engine.rows(f"SELECT {UNTOUCHED}, client_cost_usd FROM spans ORDER BY ALL") == before
    columns = "input_tokens, cache_read_tokens, output_tokens, reasoning_tokens, model, cost_usd, price_source"
    for given_, read, made, thought, model, cost, source in engine.rows(
        f"SELECT {columns} FROM spans WHERE is_billable"
    ):
        wanted = price(
            Usage(given_, read, None, made, thought), provider="openai", model=model,
            at=datetime.fromtimestamp(START // 10**9, UTC),
        )  # fmt: skip
        if wanted is not None and wanted.total <= 999_999:
            assert (cost, source) == (wanted.total, wanted.source)
    write(engine, control, SpanBatch(f"late-{hash(str(late))}-{block}", [span_row(**late, ingested_at=START + 10**6)]))
    job.run(engine, control)
    said, written = by_slice(engine)
    assert said == written
    assert dirty.pending(control) == []


def test_a_call_gets_the_price_it_lacked_and_only_it_is_written(engine: Engine, control: Control) -> None:
    usage = Usage(100, None, None, 50)
    cost = price(usage, provider="openai", model="gpt-4o", at=datetime.fromtimestamp(START // 10**9, UTC))
    assert cost is not None
    none: dict[str, Any] = dict.fromkeys(("cost_usd", "input_cost_usd", "output_cost_usd"))
    right = {
        "cost_usd": cost.total, "input_cost_usd": cost.input, "output_cost_usd": cost.output,
        "price_source": cost.source,
    }  # fmt: skip
    future = START * 2 - 10**18  # a clock that ran ahead
    rows = [
        span_row(span_id="1" * 16, **none, price_source="", client_cost_usd=Decimal(9), ingested_at=future),
        span_row(span_id="2" * 16, **right),
        span_row(span_id="3" * 16, model="nobody-knows-it", cost_usd=Decimal("0.5"), price_source="own"),
        span_row(span_id="4" * 16, cost_usd=Decimal(0), cache_hit=True, price_source="cache hit"),
        span_row(span_id="5" * 16, is_billable=False, cost_usd=None, price_source=""),
    ]
    write(engine, control, SpanBatch("a", rows))
    planned = run(engine, control, dry_run=True)
    assert engine.rows("SELECT count() FROM span_rows") == [(5,)]
    assert engine.rows("SELECT count() FROM audit") == [(0,)]
    assert run(engine, control) == planned
    assert planned == {
        ("openai", "gpt-4o"): Change(2, 1, 1, 0, cost.total, cost.total * 2),
        ("openai", "nobody-knows-it"): Change(1, 0, 0, 0, Decimal("0.5"), Decimal("0.5")),
    }
    found = engine.rows(
        "SELECT cost_usd, client_cost_usd, price_source, toUnixTimestamp64Nano(ingested_at) FROM spans"
        f" WHERE span_id = '{'1' * 16}'"
    )
    assert found == [(cost.total, Decimal(9), cost.source, future + 1)]
    assert engine.rows("SELECT sum(cost_usd), sum(unpriced_calls) FROM ledger") == [
        (cost.total * 2 + Decimal("0.5"), 0)
    ]
    noted = engine.rows("SELECT action, interface, state, counts, details FROM audit")
    assert len(noted) == 1
    assert noted[0][:3] == ("reprice", "test", "done")
    assert noted[0][3] == {"calls": 3, "changed": 1, "newly_priced": 1}
    assert noted[0][4]["openai/gpt-4o"] == f"{cost.total:f} -> {cost.total * 2:f}"
    assert engine.rows("SELECT count() FROM repricing_rows") == [(0,)]


@pytest.mark.parametrize(
    ("period", "changed"),
    [
        (replace(ALL, customer="globex"), "2"),
        (replace(ALL, model="gpt-4.1"), "3"),
        (replace(ALL, start=datetime.fromtimestamp(START // 10**9, UTC)), "123"),
        (replace(ALL, end=datetime.fromtimestamp(START // 10**9, UTC)), ""),
        (replace(ALL, project="other"), "4"),
    ],
)
def test_only_what_was_asked_for_is_repriced(engine: Engine, control: Control, period: Period, changed: str) -> None:
    rows = [
        span_row(span_id="1" * 16, start_time=START),
        span_row(span_id="2" * 16, start_time=START, customer="globex"),
        span_row(span_id="3" * 16, start_time=START, model="gpt-4.1"),
        span_row(span_id="4" * 16, start_time=START, project_id="other"),
    ]
    write(engine, control, SpanBatch("a", rows))
    run(engine, control, period)
    found = engine.rows("SELECT span_id FROM spans WHERE price_source != 'test' ORDER BY span_id")
    assert "".join(row[0][0] for row in found) == changed


def test_a_row_that_changes_meanwhile_is_left_alone(
    engine: Engine, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(engine, control, SpanBatch("a", [span_row(ingested_at=START)]))
    real = engine.insert

    def overtaken(table: str, *rest: Any) -> None:
        real(table, *rest)
        if table == "repricing_rows":
            write(engine, control, SpanBatch("b", [span_row(customer="globex", ingested_at=START + 5)]))

    monkeypatch.setattr(engine, "insert", overtaken)
    run(engine, control)
    job.run(engine, control)
    assert engine.rows("SELECT customer, price_source FROM spans") == [("globex", "test")]
    assert engine.rows("SELECT customer FROM ledger") == [("globex",)]


def test_an_amount_beyond_the_column_is_left_as_it_was(
    engine: Engine, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    zero = Decimal(0)
    monkeypatch.setattr(
        repricing, "price", lambda *_, **__: Cost(Decimal(10**6), Decimal(10**6), zero, zero, zero, zero, "huge")
    )
    write(engine, control, SpanBatch("a", [span_row()]))
    assert run(engine, control)["openai", "gpt-4o"].changed == 0
