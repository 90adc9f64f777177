"""Statements say what the ledger says, to the last digit, and all of them together what it says in the end."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_analytics.jobs import ledger as job
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, dirty
from spanledger_store.control import statements as kept
from spanledger_store.control.errors import ProjectUnknown
from spanledger_store.control.notices import Notice
from spanledger_store.control.statements import StatementInvalid
from spanledger_store.engine import Engine
from spanledger_store.finance import statements
from spanledger_store.finance.statement_page import page, table
from spanledger_store.finance.statements import Statement
from spanledger_store.lifecycle import deletion
from spanledger_store.lifecycle.deletion import Subject
from spanledger_store.writer import write
from tests.conftest import TABLES
from tests.store.rows import span_row

AFTER = datetime(2026, 12, 5, tzinfo=UTC)
CUSTOMERS = ("acme", "globex")
NAMES = ("acme", "globex", "")


def ns(moment: datetime) -> int:
    return int(moment.timestamp() * 1000) * 1_000_000


def call(n: int, at: datetime, dollars: str | None, version: int = 0, **more: Any) -> tuple[Any, ...]:
    cost = None if dollars is None else Decimal(dollars)
    price = {} if dollars is not None else {"price_source": ""}
    return span_row(
        trace_id=f"{n:032x}", span_id=f"{n:016x}", start_time=ns(at), cost_usd=cost, ingested_at=1000 + version,
        **price, **more,
    )  # fmt: skip


def put(engine: Engine, control: Control, *rows: tuple[Any, ...]) -> None:
    write(engine, control, SpanBatch(f"batch-{hash(str(rows))}", list(rows)))
    job.run(engine, control)


def one(engine: Engine, control: Control, month: str, customer: str = "acme", **more: Any) -> Statement:
    (found,) = statements.build(engine, control, "default", month, customers=[customer], now=AFTER, **more)
    return found


def send(control: Control, each: Statement) -> None:
    kept.freeze(control, each.frozen(), lambda document: Notice("statement", each.month, "s", "t"), ["mail"])


spans = st.fixed_dictionaries(
    {
        "n": st.integers(0, 12),
        # Around the turns of three months, also by the hour, where zones disagree.
        "at": st.tuples(st.sampled_from([9, 10, 11]), st.integers(-60, 60)).map(
            lambda each: datetime(2026, each[0], 1, tzinfo=UTC) + timedelta(hours=each[1], minutes=30)
        ),
        "dollars": st.none()
        | st.decimals(min_value=0, max_value=900, places=12, allow_nan=False).map(lambda each: f"{each:f}"),
        "customer": st.sampled_from(NAMES),
        "model": st.sampled_from(["gpt-4o", "claude", ""]),
        "feature": st.sampled_from(["chat", "search", ""]),
        "input_tokens": st.integers(0, 10**9),
        "output_tokens": st.none() | st.integers(0, 10**6),
    }
)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.lists(spans, min_size=1, max_size=8), min_size=2, max_size=4),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
)
def test_statements_are_the_ledger_for_any_history(
    engine: Engine, control: Control, batches: list[list[dict[str, Any]]], zone: str
) -> None:
    """Calls come, come again changed, and late, between statements: amounts due add up to the ledger in the end."""
    for name in TABLES:
        engine.command(f"TRUNCATE TABLE {name}")
    dirty.clear(control, dirty.pending(control))
    with control.write() as connection:
        for each in NAMES:
            kept.forget(connection, "default", each)
    months = ["2026-08", "2026-09", "2026-10", "2026-11"]
    due = dict.fromkeys(CUSTOMERS, Decimal(0))
    for version, batch in enumerate(batches):
        rows = [call(**{**values, "version": version * 100 + i}) for i, values in enumerate(batch)]
        put(engine, control, *rows)
        month = months[version]
        for each in statements.build(engine, control, "default", month, zone=zone, now=AFTER):
            of = each.window
            told = engine.rows(
                "SELECT sum(call_count), sum(ifNull(cost_usd, 0)), ifNull(sum(input_tokens), 0),"
                " countIf(isNull(cost_usd)) FROM spans WHERE is_billable AND customer = {c:String}"
                " AND start_time >= {a:DateTime64(9, 'UTC')} AND start_time < {b:DateTime64(9, 'UTC')}",
                {"c": each.customer, "a": of.start, "b": of.end},
            )[0]
            total = each.total
            assert (total.calls, total.priced, total.tokens["input"], total.unpriced_calls) == tuple(told)
            for split in (each.lines, each.models, each.features, each.days):
                assert sum(line.calls for line in split) == total.calls
                assert statements.exact_sum(line.priced for line in split) == total.priced
            assert each.customer
            send(control, each)
            due[each.customer] += each.due or Decimal(0)
        kept.close(control, "default", month, zone)
    # Nothing changes any more: a last look adjusts what came after the last statement.
    for customer in CUSTOMERS:
        last = one(engine, control, "2026-12", customer, zone=zone)
        assert not last.total.calls
        booked = Decimal(0)
        for month in months[: len(batches)]:
            of = kept.month_of(month, kept.zone_of(zone))
            booked += engine.rows(
                "SELECT sum(cost_usd) FROM ledger WHERE customer = {c:String} AND hour >= {a:DateTime('UTC')}"
                " AND hour < {b:DateTime('UTC')}",
                {"c": customer, "a": of.start, "b": of.end},
            )[0][0]
        assert due[customer] + last.adjusted == booked


def test_late_calls_new_prices_and_deletions_are_adjusted_once(engine: Engine, control: Control) -> None:
    october = datetime(2026, 10, 15, tzinfo=UTC)
    put(engine, control, call(1, october, "1.5"), call(2, october, None), call(3, october, "2"))
    first = one(engine, control, "2026-10")
    assert (first.cost, first.due, first.total.unpriced_calls, first.is_complete) == (
        Decimal("3.5"), Decimal("3.5"), 1, True,
    )  # fmt: skip
    send(control, first)
    put(engine, control, call(4, october, "0.25"), call(2, october, "4", version=1))
    november = one(engine, control, "2026-11")
    (change,) = november.adjustments
    assert (change.month, change.told, change.cost, change.calls, change.unpriced_calls) == (
        "2026-10", Decimal("3.5"), Decimal("4.25"), 1, -1,
    )  # fmt: skip
    assert change.reason == "1 late calls, 1 calls without a price fewer"
    assert november.due == Decimal("4.25")
    send(control, november)
    assert one(engine, control, "2026-12").adjustments == []
    assert one(engine, control, "2026-12").due == 0
    put(engine, control, call(3, october, "1", version=2))
    december = one(engine, control, "2026-12")
    assert [(each.month, each.cost, each.reason) for each in december.adjustments] == [
        ("2026-10", Decimal(-1), "new prices")
    ]
    again = one(engine, control, "2026-10")
    assert again.sent is not None
    assert again.sent.document == first.as_json()
    assert again.as_json()["sent"]["since_usd"] == "3.25"
    assert statements.as_sent(control, "default", "acme", "2026-10").total_usd == Decimal("3.5")


def test_all_are_those_with_something_to_state(embedded: Engine, control: Control) -> None:
    at = datetime(2026, 10, 3, tzinfo=UTC)
    put(embedded, control, call(1, at, "1"), call(2, at, "1", customer=""), call(3, at, "1", customer="globex"))
    found = list(statements.build(embedded, control, "default", "2026-10", now=AFTER))
    assert [each.customer for each in found] == ["acme", "globex"]
    for each in found:
        send(control, each)
    assert list(statements.build(embedded, control, "default", "2026-11", now=AFTER)) == []
    put(embedded, control, call(4, at, "1"))
    assert [each.customer for each in statements.build(embedded, control, "default", "2026-11", now=AFTER)] == ["acme"]
    assert one(embedded, control, "2026-11", "nobody").due == 0


def test_late_calls_of_a_closed_month_reach_who_had_no_statement_of_it(embedded: Engine, control: Control) -> None:
    kept.close(control, "default", "2026-09", "UTC")
    put(embedded, control, call(1, datetime(2026, 9, 3, tzinfo=UTC), "2"))
    (late,) = statements.build(embedded, control, "default", "2026-10", now=AFTER)
    assert [(each.month, each.told, each.cost, each.calls) for each in late.adjustments] == [("2026-09", 0, 2, 1)]
    # Without having been closed, an earlier month is nobody's to adjust.
    put(embedded, control, call(2, datetime(2026, 8, 3, tzinfo=UTC), "2"))
    assert [each.month for each in one(embedded, control, "2026-10").adjustments] == ["2026-09"]
    assert kept.sent(control, "default") == []


def test_more_customers_than_fit_at_once(embedded: Engine, control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "AT_ONCE", 3)
    at = datetime(2026, 10, 3, tzinfo=UTC)
    put(embedded, control, *(call(n, at, str(n), customer=f"c{n}") for n in range(1, 11)))
    found = list(statements.build(embedded, control, "default", "2026-10", now=AFTER))
    assert {each.customer: each.cost for each in found} == {f"c{n}": n for n in range(1, 11)}


def test_a_month_that_goes_on_says_so(embedded: Engine, control: Control) -> None:
    put(embedded, control, call(1, datetime(2026, 12, 1, tzinfo=UTC), None))
    found = one(embedded, control, "2026-12")
    assert (found.is_complete, found.cost, found.due) == (False, None, None)
    told = page(found.as_json())
    assert "The month has not ended: this is what was used until 5 December 2026, 00:00 (UTC)." in told
    assert "1 of 1 calls have no price yet" in told


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"month": "2026-13"}, "month '2026-13' is none"),
        ({"month": "October"}, "use one such as 2026-10"),
        ({"zone": "Mars/Olympus"}, "no time zone"),
        ({"zone": "Asia/Kolkata"}, "begins within a UTC hour"),
        ({"customers": [""]}, "calls without a customer have no statement"),
    ],
)
def test_what_cannot_be_stated_is_refused(
    embedded: Engine, control: Control, values: dict[str, Any], says: str
) -> None:
    asked = {"month": "2026-10", "customers": ["acme"], **values}
    with pytest.raises(StatementInvalid, match=says):
        list(statements.build(embedded, control, "default", now=AFTER, **asked))
    with pytest.raises(StatementInvalid, match="no statement of 2026-10 was sent for 'acme'"):
        statements.as_sent(control, "default", "acme", "2026-10")
    with pytest.raises(ProjectUnknown):
        list(statements.build(embedded, control, "nowhere", "2026-10"))


def test_deleting_a_customer_deletes_its_statements(embedded: Engine, control: Control) -> None:
    put(embedded, control, call(1, datetime(2026, 10, 3, tzinfo=UTC), "1"))
    send(control, one(embedded, control, "2026-10"))
    proof = deletion.delete(embedded, control, Subject("customer", "acme"), interface="test")
    assert proof.complete
    assert {each.table: each.deleted for each in proof.tables}["statements"] == 1
    assert kept.sent(control, "default") == []


class Reader(HTMLParser):
    """Exact amounts, tags and addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.amounts: list[str] = []
        self.tags: list[str] = []
        self.reached: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if tag == "data" and name == "value":
                self.amounts.append(value or "")
            if name in ("src", "href", "srcset", "action") or name.startswith("on"):
                self.reached.append(f"{name}={value}")


EVIL = '=cmd|"/c calc"!A1 <img src=x onerror=alert(1)>'


def test_the_page_and_the_table_hold_every_digit_and_nothing_that_runs(embedded: Engine, control: Control) -> None:
    october = datetime(2026, 10, 15, tzinfo=UTC)
    exact = "1234.567890123456"
    put(embedded, control, call(1, october, exact, customer=EVIL, feature=EVIL, model="</table>"))
    send(control, one(embedded, control, "2026-10", EVIL))
    put(
        embedded, control, call(2, october, "0.000000000001", customer=EVIL),
        call(3, october + timedelta(days=30), "2", customer=EVIL, model="@sum"),
    )  # fmt: skip
    document = json.loads(json.dumps(one(embedded, control, "2026-11", EVIL).as_json()))
    made = page(document)
    read = Reader()
    read.feed(made)
    assert "2.000000000001" in read.amounts
    assert "2.000000000001 USD" in made
    assert "0.000000000001" in read.amounts
    assert read.reached == []
    assert not {"script", "img", "link", "iframe", "object"} & set(read.tags)
    assert not re.search(r"url\(|@import|https?:", made)
    rows = list(csv.DictReader(io.StringIO(table(document))))
    assert [row["section"] for row in rows] == ["usage", "adjustment"]
    assert sum(Decimal(row["cost_usd"]) for row in rows) == Decimal(document["due_usd"]) == Decimal("2.000000000001")
    assert not any(cell.startswith(("=", "@", "+")) for row in rows for cell in row.values())
    assert rows[0]["customer"] == f"'{EVIL}"
