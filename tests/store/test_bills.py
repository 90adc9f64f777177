"""Bills in the store: once however often they come, replaced by newer ones, and set against the ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spanledger_store.billing import bills, reconciling
from spanledger_store.billing.bills import BillLine, Kind
from spanledger_store.billing.reconciliation_sides import Status, Tolerance
from spanledger_store.billing.reconciling import Question, ReconciliationInvalid
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, bill_models, currencies
from spanledger_store.control.currencies import Rate
from spanledger_store.control.errors import BillModelInvalid, CurrencyInvalid
from spanledger_store.engine import Engine
from spanledger_store.finance import revenue
from spanledger_store.finance.revenue import Payment, RevenueInvalid
from spanledger_store.ledger import recompute
from spanledger_store.lifecycle import deletion, parquet
from spanledger_store.lifecycle.deletion import Subject
from spanledger_store.lifecycle.parquet import Selection
from spanledger_store.writer import write
from tests.store.rows import span_row

MAY = datetime(2026, 5, 1, tzinfo=UTC)
SECOND = 1_000_000_000


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * SECOND


def line(amount: str, sku: str = "gpt-4o-2024-08-06, input", day: int = 0, **values: Any) -> BillLine:
    start = ns(MAY + timedelta(days=day))
    held = {"provider": "openai", "source": "openai", "currency": "USD", "start": start, "end": start + bills.DAY_NS}
    return BillLine(amount=Decimal(amount), sku=sku, **(held | values))


def calls(engine: Engine, control: Control, *rows: dict[str, Any]) -> None:
    """Store spans, and bring the ledger up to date."""
    made = [span_row(trace_id=f"{n:032x}", span_id=f"{n:016x}", **row) for n, row in enumerate(rows, 1)]
    batch = SpanBatch(f"calls-{len(made)}-{datetime.now(UTC).timestamp()}", spans=made)
    write(engine, control, batch)
    recompute(engine, sorted(batch.hours()))


def call(cost: str | None, *, day: int = 0, hour: int = 12, **values: Any) -> dict[str, Any]:
    amount = None if cost is None else Decimal(cost)
    return {
        "start_time": ns(MAY + timedelta(days=day, hours=hour)), "model": "gpt-4o-2024-08-06", "cost_usd": amount,
        "input_cost_usd": amount, "output_cost_usd": None if amount is None else Decimal(0),
        "price_source": "" if cost is None else "test",
    } | values  # fmt: skip


def asked(**values: Any) -> Question:
    held: dict[str, Any] = {"tolerance": Tolerance(Decimal(0), Decimal(0))}
    return Question("default", MAY.date(), date(2026, 5, 4), **(held | values))


def test_the_same_again_changes_nothing_and_a_newer_export_replaces(engine: Engine) -> None:
    first = [line("1.50"), line("2.25", "gpt-4o-2024-08-06, output"), line("0.10", day=1)]
    assert (found := bills.put(engine, "default", first, interface="test")).new == 3
    again = bills.put(engine, "default", first, interface="test")
    assert (again.new, again.changed, again.same, again.beside) == (0, 0, 3, 0)
    newer = [line("1.75"), line("0.10", day=1)]
    found = bills.put(engine, "default", newer, interface="test")
    assert (found.changed, found.same, found.beside) == (1, 1, 1)
    assert found.beside_amount == {"USD": Decimal("2.25")}
    assert bills.imported(engine, "default")[0]["amount"] == "4.1"
    found = bills.put(engine, "default", newer, interface="test", replace=True)
    assert (found.same, found.withdrawn) == (2, 1)
    assert bills.imported(engine, "default")[0]["amount"] == "1.85"
    # What was withdrawn comes back with an export that has it.
    bills.put(engine, "default", first, interface="test")
    assert bills.imported(engine, "default")[0]["lines"] == 3
    assert bills.imported(engine, "other") == []


def test_a_dry_run_only_counts(engine: Engine) -> None:
    assert bills.put(engine, "default", [line("1.5")], interface="test", dry_run=True).new == 1
    assert bills.imported(engine, "default") == []


def test_a_bill_is_matched_explained_and_unexplained(engine: Engine, control: Control) -> None:
    late = {"hour": 23, "start_time": ns(MAY + timedelta(hours=23, minutes=59)), "duration_ns": 120 * SECOND}
    calls(
        engine, control,
        call("2.00"), call("1.00", **late),
        call("5.00", day=1),
        call("4.00", day=2, metadata={"service_tier": "batch"}), call(None, day=2, model="house-7b"),
    )  # fmt: skip
    bills.put(
        engine, "default",
        [
            line("1.40"), line("0.60", "gpt-4o-2024-08-06, output"), line("6.00", day=1),
            line("2.00", day=2), line("0.30", "house-7b, input", day=2), line("0.25", "web search tool calls", day=2),
            line("0.77", "Tax", kind=Kind.TAX),
        ],
        interface="test",
    )  # fmt: skip
    found = reconciling.read(engine, control, asked())
    told = {
        (row.period.day, row.group): (
            f"{row.difference.normalize():f}",
            {term.why.value: f"{term.amount.normalize():f}" for term in row.terms},
            row.status.value,
        )
        for row in found.rows
    }
    assert told == {
        (1, "tax"): ("0.77", {"not usage": "0.77"}, "explained"),
        (1, "gpt-4o-2024-08-06"): ("-1", {"late": "-1"}, "explained"),
        (2, "gpt-4o-2024-08-06"): ("1", {"late": "1"}, "explained"),
        (3, "gpt-4o-2024-08-06"): ("-2", {"batch": "-2"}, "explained"),
        (3, "house-7b"): ("0.3", {"unpriced": "0.3"}, "explained"),
        (3, "web search tool calls"): ("0.25", {"rounding": "0.01"}, "unexplained"),
    }
    assert [row.items for row in found.unexplained] == [("web search tool calls",)]
    document = found.as_json()
    assert (document["total"]["bill"], document["total"]["ledger"]) == ("11.32", "12")
    assert document["total"]["rows"]["unexplained"] == 1
    # In a month, days do not matter.
    monthly = reconciling.read(engine, control, asked(by_month=True))
    assert {row.group: row.status for row in monthly.rows}["gpt-4o-2024-08-06"] is Status.EXPLAINED
    assert sum((row.difference for row in monthly.rows), Decimal(0)) == sum(
        (row.difference for row in found.rows), Decimal(0)
    )


def test_batches_with_their_own_price_explain_nothing(engine: Engine, control: Control) -> None:
    batch = {"metadata": {"service_tier": "batch"}, "price_source": "genai-prices 1 openai/gpt-4o batch"}
    calls(engine, control, call("4.00", **batch))
    bills.put(engine, "default", [line("2")], interface="test")
    (row,) = reconciling.read(engine, control, asked()).rows
    assert [term.why.value for term in row.terms] == ["rounding"]


def test_only_the_provider_asked_for_and_its_project(engine: Engine, control: Control) -> None:
    calls(engine, control, call("1"), call("2", provider="anthropic", model="claude-sonnet-4-20250514"))
    bills.put(
        engine, "default",
        [line("1"), line("2", "Claude Sonnet 4 Usage - Input Tokens", provider="anthropic", source="anthropic")],
        interface="test",
    )  # fmt: skip
    bills.put(engine, "other", [line("99")], interface="test")
    assert [row.provider for row in reconciling.read(engine, control, asked()).rows] == ["anthropic", "openai"]
    (row,) = reconciling.read(engine, control, asked(provider="Anthropic")).rows
    assert (row.models, row.status, row.bill) == (("claude-sonnet-4-20250514",), Status.MATCHED, Decimal(2))


def test_another_currency_is_converted_at_the_day_s_rate(engine: Engine, control: Control) -> None:
    calls(engine, control, call("10"))
    bills.put(engine, "default", [line("9", currency="EUR")], interface="test")
    with pytest.raises(CurrencyInvalid, match=r"no rate of EUR yet.*currencies set EUR"):
        reconciling.read(engine, control, asked())
    rates = [("2026-04-30", "0.88"), ("2026-05-01", "0.9"), ("2026-05-02", "0.91")]
    currencies.put(control, [Rate("EUR", date.fromisoformat(day), Decimal(rate)) for day, rate in rates])
    (row,) = reconciling.read(engine, control, asked()).rows
    assert (row.status, row.bill) == (Status.MATCHED, Decimal(10))
    calls(engine, control, call("10.1"))
    (row,) = reconciling.read(engine, control, asked()).rows
    assert [(term.why.value, f"{term.amount.normalize():f}") for term in row.terms] == [("currency", "-0.1")]


def test_a_line_about_more_than_the_period_is_a_row_of_its_own(engine: Engine, control: Control) -> None:
    calls(engine, control, call("3"))
    bills.put(engine, "default", [line("3", end=ns(MAY + timedelta(days=31)))], interface="test")
    daily = {row.group: row for row in reconciling.read(engine, control, asked()).rows}
    assert daily["over 31 days"].status is Status.UNEXPLAINED
    whole = Question("default", MAY.date(), date(2026, 6, 1), by_month=True)
    (row,) = reconciling.read(engine, control, whole).rows
    assert row.status is Status.MATCHED


def test_what_a_name_does_not_say_a_person_may(engine: Engine, control: Control) -> None:
    calls(engine, control, call("1", model="acme-tuned"))
    bills.put(engine, "default", [line("1", "ft:gpt-4o:acme, input")], interface="test")
    assert {row.status for row in reconciling.read(engine, control, asked()).rows} == {Status.UNEXPLAINED}
    bill_models.put(control, "default", "FT:*acme*", "acme-tuned")
    (row,) = reconciling.read(engine, control, asked()).rows
    assert row.status is Status.MATCHED
    bill_models.remove(control, "default", "FT:*acme*")
    assert bill_models.rules(control, "default") == []
    with pytest.raises(BillModelInvalid, match=r"no pattern 'FT.*it has: none"):
        bill_models.remove(control, "default", "FT:*acme*")


def test_what_sampling_hid_explains_what_it_would_have_cost(engine: Engine, control: Control) -> None:
    calls(engine, control, call("3", input_tokens=300, output_tokens=0))
    at = ns(MAY + timedelta(hours=12, minutes=30))
    names = {
        "project_id": "default", "series": "1", "start_time": ns(MAY), "time": at, "name": "gen_ai.client.token.usage",
        "kind": "histogram", "temporality": "delta", "operation": "chat", "provider": "openai",
        "model": "gpt-4o-2024-08-06", "token_type": "input", "unit": "{token}",
    }  # fmt: skip
    known = {row[0] for row in engine.rows("DESCRIBE TABLE metric_rows")}
    for n, (name, kind, count, total) in enumerate(
        [("gen_ai.client.operation.duration", "", 4, 4.0), ("gen_ai.client.token.usage", "input", 4, 500.0),
         ("gen_ai.client.token.usage", "output", 4, 0.0)]
    ):  # fmt: skip
        row: dict[str, Any] = names | {"series": str(n), "name": name, "token_type": kind, "count": count, "sum": total}
        held = {name: [value] for name, value in row.items() if name in known}
        engine.insert("metric_rows", held, f"metric-{n}-{at}")
    bills.put(engine, "default", [line("5.000000")], interface="test")
    (row,) = reconciling.read(engine, control, asked()).rows
    (term, *_) = row.terms
    assert (term.why.value, term.evidence) == ("sampled out", "clients counted 3 calls that no span told of")
    # A call of 300 tokens costs 3; four cost 12: nine are hidden, of which the bill has two.
    assert term.amount == Decimal(2)


def test_periods_that_cannot_be(engine: Engine, control: Control) -> None:
    with pytest.raises(ReconciliationInvalid, match="before that"):
        Question("default", date(2026, 5, 2), date(2026, 5, 2))
    with pytest.raises(ReconciliationInvalid, match="longer than 400 days"):
        Question("default", date(2024, 5, 2), date(2026, 5, 2))


def paid(customer: str, amount: str, **values: Any) -> Payment:
    return Payment(customer, MAY.date(), Decimal(amount), **values)


def test_margin_is_revenue_less_spend_and_unknown_where_either_is(engine: Engine, control: Control) -> None:
    calls(engine, control, call("30", customer="acme"), call("5", customer="globex"), call(None, customer="initech"),
          call("1", customer="acme", day=40))  # fmt: skip
    revenue.put(engine, "default", [paid("acme", "100"), paid("initech", "7"), paid("idle", "12")], interface="test")
    found = revenue.margins(engine, control, "default", MAY.date(), date(2026, 6, 1))
    assert [(each.customer, each.revenue, each.spend, each.margin) for each in found] == [
        ("acme", 100, 30, 70),
        ("idle", 12, 0, 12),
        ("initech", 7, None, None),
        ("globex", None, 5, None),
    ]
    assert found[0].share == 0.7
    with pytest.raises(RevenueInvalid, match="not the first day of a month"):
        revenue.margins(engine, control, "default", date(2026, 5, 2), date(2026, 6, 1))


def test_a_newer_payment_replaces_and_references_add_up(engine: Engine, control: Control) -> None:
    currencies.put(control, [Rate("EUR", date(2026, 1, 1), Decimal("0.8"))])
    for _ in range(2):
        revenue.put(
            engine, "default",
            [paid("acme", "10", reference="1"), paid("acme", "4", reference="2", currency="EUR")], interface="test",
        )  # fmt: skip
    (only,) = revenue.margins(engine, control, "default", MAY.date(), date(2026, 6, 1))
    assert only.revenue == Decimal(15)
    revenue.put(engine, "default", [paid("acme", "8", reference="2", currency="EUR")], interface="test")
    (only,) = revenue.margins(engine, control, "default", MAY.date(), date(2026, 6, 1))
    assert only.revenue == Decimal(20)


def test_a_customer_that_is_deleted_takes_its_revenue_along(engine: Engine, control: Control) -> None:
    calls(engine, control, call("30", customer="acme"), call("5", customer="globex"))
    revenue.put(engine, "default", [paid("acme", "100"), paid("globex", "7"), paid("idle", "1")], interface="test")
    assert deletion.preview(engine, Subject("customer", "acme"))["revenue_rows"] == 1
    proof = deletion.delete(engine, control, Subject("customer", "acme"), interface="test")
    assert proof.complete
    assert {each.table: each.deleted for each in proof.tables}["revenue_rows"] == 1
    assert engine.rows("SELECT customer FROM revenue_rows ORDER BY customer") == [("globex",), ("idle",)]
    # A customer of whom no call is stored, too.
    assert deletion.delete(engine, control, Subject("customer", "idle"), interface="test").complete
    assert engine.rows("SELECT customer FROM revenue_rows") == [("globex",)]


def test_bills_and_revenue_move_with_their_project(embedded: Engine, control: Control, tmp_path: Path) -> None:
    calls(embedded, control, call("1"))
    bills.put(embedded, "default", [line("1.5"), line("2", day=1)], interface="test")
    revenue.put(embedded, "default", [paid("acme", "100")], interface="test")
    parquet.export(embedded, control, Selection("default"), tmp_path / "out")
    for _ in range(2):
        parquet.load_export(embedded, control, tmp_path / "out", project="copy", interface="test")
        assert bills.imported(embedded, "copy")[0]["amount"] == "3.5"
        assert [each.revenue for each in revenue.margins(embedded, control, "copy", MAY.date(), date(2026, 6, 1))] == [
            100
        ]
