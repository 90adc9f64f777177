"""FOCUS: the ledger to the last digit, and unit prices that times quantities are the costs."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control
from spanledger_store.control.errors import ProjectUnknown
from spanledger_store.engine import Engine
from spanledger_store.finance import focus, focus_export
from spanledger_store.finance.focus_export import FocusInvalid, Wanted
from spanledger_store.ledger import recompute
from spanledger_store.writer import write
from tests.store.rows import span_row

MAY = datetime(2026, 5, 30, tzinfo=UTC)
COSTS = ("input_cost_usd", "cache_read_cost_usd", "cache_write_cost_usd", "output_cost_usd", "other_cost_usd")
COUNTS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "other_tokens",
)
AMOUNT = st.decimals(0, 10_000, places=12)
LINE = st.fixed_dictionaries(
    {
        "bucket": st.just(MAY), "calls": st.integers(1, 1000), "unpriced_calls": st.just(0),
        "customer": st.sampled_from(["", "Acme"]), "feature": st.sampled_from(["", "chat"]), "team": st.just(""),
        "environment": st.just("production"), "provider": st.sampled_from(["", "openai", "aws.bedrock", "house"]),
        "model": st.sampled_from(["", "gpt-4o", "anthropic.claude-3-sonnet-20240229-v1:0"]),
        **{name: st.integers(0, 10**9) for name in COUNTS},
        **dict.fromkeys(COSTS, AMOUNT),
    }
)  # fmt: skip


def summed(line: Mapping[str, Any], beyond: Decimal) -> dict[str, Any]:
    """The line with a whole cost that is `beyond` the sum of its parts."""
    parts = sum((line[name] for name in COSTS), Decimal(0))
    return {**line, "cost_usd": max(Decimal(0), parts + beyond)}


@settings(deadline=None)
@given(st.lists(LINE, max_size=8), st.decimals("-0.001", "0.001", places=12))
def test_the_rows_are_the_lines_exactly(lines: list[dict[str, Any]], beyond: Decimal) -> None:
    given_lines = [summed(line, beyond) for line in lines]
    rows = focus.table(given_lines, timedelta(days=1), "acc").to_pylist()
    assert sum((row["BilledCost"] for row in rows), Decimal(0)) == sum(
        (line["cost_usd"] for line in given_lines), Decimal(0)
    )
    for row in rows:
        assert row["BilledCost"] == row["EffectiveCost"] == row["ListCost"] == row["ContractedCost"]
        assert row["BilledCost"] == row["ListUnitPrice"] * row["PricingQuantity"] >= 0
        assert row["PricingQuantity"] == row["ConsumedQuantity"] > 0
        assert all(row[field.name] is not None for field in focus.SCHEMA if not field.nullable)
    tokens = sum(int(row["ConsumedQuantity"]) for row in rows if row["ConsumedUnit"] == "Tokens")
    assert tokens == sum(line[name] for line in lines for name in COUNTS)


def line(**values: Any) -> dict[str, Any]:
    held: dict[str, Any] = {
        "bucket": MAY, "calls": 3, "unpriced_calls": 0, "customer": "Acme", "feature": "chat", "team": "",
        "model": "gpt-4o", "environment": "production", "provider": "openai",
        **dict.fromkeys(COUNTS, 0), **dict.fromkeys(COSTS, Decimal(0)),
    }  # fmt: skip
    made = held | values
    return {"cost_usd": sum((made[name] for name in COSTS), Decimal(0)), **made}


def test_a_price_that_is_no_number_is_two_rows_with_its_neighbours() -> None:
    found = focus.charges(line(input_tokens=3, input_cost_usd=Decimal("0.000000000010")))
    assert [(each.quantity, each.price) for each in found] == [(2, 3), (1, 4)]
    (only,) = focus.charges(line(input_tokens=4_000, input_cost_usd=Decimal("0.01")))
    assert (only.quantity, only.price, only.unit) == (4_000, 2_500_000, "Tokens")


def test_what_is_not_counted_in_tokens_is_priced_by_the_call() -> None:
    (only,) = focus.charges(line(other_cost_usd=Decimal("0.03")))
    assert (only.unit, only.quantity, only.price, only.token_class.name) == ("Requests", 3, 10_000_000_000, "other")
    assert focus.charges(line()) == []


def test_the_columns_of_a_row() -> None:
    (row,) = focus.table([line(output_tokens=10, reasoning_tokens=5, output_cost_usd=Decimal("0.00015"))],
                         timedelta(days=1), "acc").to_pylist()  # fmt: skip
    expected = {
        "ProviderName": "OpenAI",
        "ServiceName": "OpenAI API",
        "PublisherName": "OpenAI",
        "SkuId": "openai/gpt-4o/output",
        "SkuMeter": "Output Tokens",
        "SubAccountId": "Acme",
        "ChargeDescription": "gpt-4o, Output Tokens",
        "ConsumedQuantity": "15.000000000000",
        "BillingPeriodStart": "2026-05-01 00:00:00+00:00",
        "BillingPeriodEnd": "2026-06-01 00:00:00+00:00",
    }
    assert {name: str(row[name]) for name in expected} == expected
    assert json.loads(row["Tags"]) == {"feature": "chat", "environment": "production"}
    assert (row["ChargeClass"], row["InvoiceId"]) == (None, None)


def stored(engine: Engine, control: Control) -> Decimal:
    """Calls of three days at the end of a month, in the ledger; their cost."""
    costs = [Decimal(n + 1) / 7 for n in range(40)]
    batch = SpanBatch("focus", spans=[
        span_row(
            trace_id=f"{n:032x}", span_id=f"{n:016x}", cost_usd=cost.quantize(Decimal("1e-12")),
            input_cost_usd=(cost / 3).quantize(Decimal("1e-12")),
            output_cost_usd=cost.quantize(Decimal("1e-12")) - (cost / 3).quantize(Decimal("1e-12")),
            start_time=int((MAY + timedelta(hours=1.7 * n)).timestamp()) * 10**9, customer=f"customer {n % 3}",
            model=("gpt-4o", "claude-sonnet-4")[n % 2], provider=("openai", "anthropic")[n % 2],
        )
        for n, cost in enumerate(costs)
    ])  # fmt: skip
    write(engine, control, batch)
    recompute(engine, sorted(batch.hours()))
    return sum((row[36] for row in batch.spans), Decimal(0))


@pytest.mark.parametrize("hourly", [False, True])
def test_the_file_is_the_ledger(engine: Engine, control: Control, tmp_path: Path, hourly: bool) -> None:
    cost = stored(engine, control)
    assert cost == engine.rows("SELECT sum(cost_usd) FROM ledger")[0][0]
    ends = (MAY, MAY + timedelta(days=3))
    made = focus_export.write(engine, control, Wanted("default", *ends, tmp_path / "focus.parquet", hourly))
    assert Decimal(made["billed_cost"]) == cost
    read = pq.read_table(tmp_path / "focus.parquet")
    assert read.schema.equals(focus.SCHEMA)
    rows = read.to_pylist()
    assert sum((row["BilledCost"] for row in rows), Decimal(0)) == cost
    assert {row["ChargePeriodEnd"] - row["ChargePeriodStart"] for row in rows} == {
        timedelta(hours=1) if hourly else timedelta(days=1)
    }
    assert {f"{row['BillingPeriodStart']:%m}" for row in rows} == {"05", "06"}
    focus_export.write(engine, control, Wanted("default", *ends, tmp_path / "focus.csv", hourly))
    with (tmp_path / "focus.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert sum((Decimal(row["BilledCost"]) for row in table), Decimal(0)) == cost
    assert len(table) == len(rows) == made["rows"]
    assert sorted(path.name for path in tmp_path.glob("*focus*")) == ["focus.csv", "focus.parquet"]
    # A part of the period is that part of the ledger.
    first = focus_export.write(engine, control, Wanted("default", MAY, MAY + timedelta(days=1), tmp_path / "a.csv"))
    rest = focus_export.write(engine, control, Wanted("default", MAY + timedelta(days=1), ends[1], tmp_path / "b.csv"))
    assert Decimal(first["billed_cost"]) + Decimal(rest["billed_cost"]) == cost


def test_what_cannot_be_written(embedded: Engine, control: Control, tmp_path: Path) -> None:
    with pytest.raises(FocusInvalid, match="not midnight UTC"):
        Wanted("default", MAY + timedelta(hours=1), MAY + timedelta(days=1), tmp_path / "a.csv")
    with pytest.raises(FocusInvalid, match=r"neither \.parquet nor \.csv"):
        Wanted("default", MAY, MAY + timedelta(days=1), tmp_path / "a.xlsx")
    with pytest.raises(FocusInvalid, match="before it begins"):
        Wanted("default", MAY, MAY, tmp_path / "a.csv")
    with pytest.raises(FocusInvalid, match="does not exist"):
        focus_export.write(
            embedded, control, Wanted("default", MAY, MAY + timedelta(days=1), tmp_path / "no" / "a.csv")
        )
    with pytest.raises(ProjectUnknown):
        focus_export.write(embedded, control, Wanted("absent", MAY, MAY + timedelta(days=1), tmp_path / "a.csv"))
    assert list(tmp_path.iterdir()) == [tmp_path / "control"]
