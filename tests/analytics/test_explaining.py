"""Why spend changed, read from the real books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from spanledger_analytics.explaining import answer, explain
from spanledger_store import ledger
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.reports.comparing import BY, against, dimensions
from spanledger_store.scope import Dimension, Scope
from spanledger_store.writer import write
from tests.store.rows import span_row

MONDAY = datetime(2026, 3, 9, tzinfo=UTC)
DAY = timedelta(days=1)
TUESDAY = Scope("default", MONDAY + DAY, MONDAY + 2 * DAY)


def fill(engine: Engine, control: Control, *calls: tuple[datetime, dict[str, Any]]) -> None:
    """Store calls and bring the books up to date."""
    rows = [
        span_row(span_id=f"{n:016x}", start_time=int(at.timestamp()) * 10**9, **values)
        for n, (at, values) in enumerate(calls)
    ]
    write(engine, control, SpanBatch("why", spans=rows))
    ledger.recompute(engine, sorted({("default", at.replace(minute=0)) for at, _ in calls}))


def day(at: datetime, customers: Sequence[str], longer: int = 1, version: str = "v1") -> list[tuple[datetime, Any]]:
    """Two hundred calls of each customer in twenty sums, at one cent; acme's so many times as long."""
    found: list[tuple[datetime, Any]] = []
    for customer in customers:
        times = longer if customer == "acme" else 1
        cost = Decimal("0.01") * times
        values = {"customer": customer, "cost_usd": cost, "input_cost_usd": cost, "output_cost_usd": Decimal(0),
                  "input_tokens": 1000 * times, "call_count": 10, "output_tokens": None,
                  "prompt_version": version if times > 1 else "v1"}  # fmt: skip
        found += [(at + timedelta(minutes=7 * n), values) for n in range(20)]
    return found


@pytest.fixture
def told(engine: Engine, control: Control) -> Engine:
    """Five customers; on Tuesday acme's prompts are three times as long, and echo has gone where foxtrot came."""
    monday, tuesday = ("acme", "bravo", "charlie", "delta", "echo"), ("acme", "bravo", "charlie", "delta", "foxtrot")
    fill(engine, control, *day(MONDAY, monday), *day(MONDAY + DAY, tuesday, 3, "v2"))
    return engine


def test_terms_are_the_change_of_the_books_and_the_culprit_is_named(told: Engine) -> None:
    found = explain(told, TUESDAY, against(TUESDAY), BY)
    amounts = {term.key: term.amount for term in found.terms.terms if term.amount}
    assert amounts == {
        "new_customers": Decimal("0.2"), "gone_customers": Decimal("-0.2"), "tokens_input": Decimal("0.4"),
    }  # fmt: skip
    assert {tuple(each.slice.items()) for each in found.culprits} == {
        (("customer", "acme"),), (("customer", "echo"),), (("customer", "foxtrot"),),
    }  # fmt: skip
    assert found.culprits[0].slice == {"customer": "acme"}
    assert found.culprits[0].since == {"prompt_version": "v2"}
    assert found.sentence.startswith(
        "Spend rose by $0.40 (+40 %) on 2026-03-10: acme used 3.0 times the tokens per call"
    )


def test_every_term_leads_to_its_calls(told: Engine) -> None:
    found = answer(told, TUESDAY, against(TUESDAY), BY)
    terms = {term["key"]: term for term in found["terms"]}
    assert sum(Decimal(term["amount"]) for term in found["terms"]) == Decimal(found["change"]) == Decimal("0.4")
    assert terms["gone_customers"]["filters"] == {"customer": ["echo"]}
    assert terms["gone_customers"]["period"] == found["against"]
    assert terms["new_customers"]["filters"] == {"customer": ["foxtrot"]}
    assert terms["tokens_input"]["period"] == found["period"] == {
        "from": "2026-03-10T00:00:00+00:00", "to": "2026-03-11T00:00:00+00:00",
    }  # fmt: skip
    (line,) = terms["tokens_input"]["lines"]
    assert line == {"slice": {"customer": "acme", "feature": "chat", "model": "gpt-4o"}, "amount": 0.4}
    gone = next(each for each in found["culprits"] if each["slice"] == {"customer": "echo"})
    assert (gone["reason"], gone["period"], gone["filters"]) == ("is gone", found["against"], {"customer": ["echo"]})


def test_a_slice_is_explained_like_the_whole(told: Engine) -> None:
    acme = Scope("default", TUESDAY.start, TUESDAY.end, {Dimension.CUSTOMER: ("acme",)})
    found = answer(told, acme, against(acme), dimensions("model"))
    assert found["filters"] == {"customer": ["acme"]}
    assert {term["key"]: Decimal(term["amount"]) for term in found["terms"] if Decimal(term["amount"])} == {
        "tokens_input": Decimal("0.4")
    }
    assert "new_customers" in {term["key"] for term in found["terms"]}


def test_nothing_in_the_books_is_nothing_changed(engine: Engine) -> None:
    found = answer(engine, TUESDAY, against(TUESDAY), BY)
    assert found["relative"] is None
    assert (found["change"], found["culprits"]) == ("0.000000000000", [])
    assert found["sentence"] == "Nothing was spent on 2026-03-10 or in the period before it."


def test_what_to_compare_with() -> None:
    assert against(TUESDAY) == Scope("default", MONDAY, MONDAY + DAY)
    assert against(TUESDAY, "week") == Scope("default", MONDAY - 6 * DAY, MONDAY - 5 * DAY)
    assert against(TUESDAY, "2026-01-01..2026-02-01T00:00+01:00") == Scope(
        "default", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 31, 23, tzinfo=UTC)
    )
    for text, complaint in (("yesterday", "nothing to compare with"), ("2026-02-01..2026-01-01", "ends before")):
        with pytest.raises(ValueError, match=complaint):
            against(TUESDAY, text)
    for text, complaint in (("user", "choose from"), ("", "is empty"), ("model,model", "repeats"), (
        "customer,feature,team,provider,model,release", "name 5 at most")):  # fmt: skip
        with pytest.raises(ValueError, match=complaint):
            dimensions(text)


def test_periods_that_cut_hours_are_refused(engine: Engine) -> None:
    scope = Scope("default", MONDAY + timedelta(minutes=1), MONDAY + DAY)
    with pytest.raises(ValueError, match="whole UTC hours"):
        explain(engine, scope, against(scope), BY)
