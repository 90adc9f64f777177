"""Wasted spend: each call in one class, the classes in their order, and together everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from spanledger_store.columns import SPAN_COLUMNS, columnar
from spanledger_store.engine import Engine
from spanledger_store.reports import calls
from spanledger_store.reports.waste import CLASSES, waste
from spanledger_store.scope import Dimension, Scope
from tests.store.rows import span_row

AT = datetime(2026, 3, 2, tzinfo=UTC)
SCOPE = Scope("default", AT, AT + timedelta(hours=1))
NS = int(AT.timestamp()) * 10**9
SECOND = 10**9
STREAM = {"spanledger.stream.interrupted": "true"}
BLOCKED = {"spanledger.guardrail.action": "blocked"}


def insert(engine: Engine, *spans: dict[str, Any]) -> None:
    """Spans of one parent, one after another, each a second long and a dollar dear."""
    rows = [
        span_row(
            **{
                "span_id": f"{n + 1:016x}", "parent_span_id": "f" * 16, "start_time": NS + n * 2 * SECOND,
                "duration_ns": SECOND, "cost_usd": Decimal(1), **each,
            }
        )
        for n, each in enumerate(spans)
    ]  # fmt: skip
    engine.insert("span_rows", columnar(SPAN_COLUMNS, rows), f"waste-{Random(repr(rows)).random()}")


def guard(**more: Any) -> dict[str, Any]:
    values = {"kind": "guardrail", "is_billable": False, "cost_usd": None, "attributes": BLOCKED}
    return {**values, "name": "check", **more}


def classes(engine: Engine) -> dict[str, tuple[int, Decimal | None]]:
    return {each.kind: (each.calls, each.cost_usd) for each in waste(engine, SCOPE)}


def test_a_failure_that_was_tried_again_is_a_retry_and_the_last_one_a_failure(engine: Engine) -> None:
    insert(engine, {"status": "error"}, {"status": "error"}, {"status": "error", "cost_usd": None})
    assert classes(engine) == {"retried": (2, Decimal(2)), "failed": (1, None)}


@pytest.mark.parametrize(
    "other", [{"parent_span_id": "e" * 16}, {"name": "chat other"}, {"input_preview": "something else"}]
)
def test_another_call_is_no_retry(engine: Engine, other: dict[str, Any]) -> None:
    insert(engine, {"status": "error"}, other)
    assert classes(engine) == {"failed": (1, Decimal(1)), "useful": (1, Decimal(1))}


def test_a_retry_after_the_stretch_still_counts(engine: Engine) -> None:
    insert(engine, {"status": "error"}, {"start_time": NS + 3700 * SECOND})
    assert classes(engine) == {"retried": (1, Decimal(1))}


def test_each_kind_of_waste_is_told(engine: Engine) -> None:
    insert(
        engine,
        {"finish_reason": "MAX_TOKENS"},
        {"finish_reason": "length"},
        {"finish_reason": "length", "attributes": STREAM},
        {"finish_reason": "SAFETY", "attributes": STREAM},
        {"finish_reason": "stop"},
        {"status": "error", "finish_reason": "length", "attributes": STREAM, "name": "other"},
    )
    assert classes(engine) == {
        "failed": (1, Decimal(1)), "blocked": (1, Decimal(1)), "abandoned": (1, Decimal(1)),
        "truncated": (2, Decimal(2)), "useful": (1, Decimal(1)),
    }  # fmt: skip


def test_a_guardrail_blocks_the_answer_before_it(engine: Engine) -> None:
    insert(engine, {}, {"cost_usd": Decimal(5)}, guard(), {}, {"parent_span_id": "d" * 16})
    assert classes(engine) == {"blocked": (1, Decimal(5)), "useful": (3, Decimal(3))}


def test_a_check_inside_a_call_is_about_that_call(engine: Engine) -> None:
    insert(engine, {"duration_ns": 10 * SECOND}, guard(parent_span_id=f"{1:016x}"))
    assert classes(engine) == {"blocked": (1, Decimal(1))}


def test_what_a_budget_refused_or_a_check_let_pass_blocked_no_answer(engine: Engine) -> None:
    insert(engine, {}, guard(error_type="budget_exceeded"), guard(attributes={"spanledger.guardrail.action": "passed"}))
    assert classes(engine) == {"useful": (1, Decimal(1))}


def test_the_classes_of_any_split_are_every_call(engine: Engine) -> None:
    dice = Random(5)
    spans: list[dict[str, Any]] = []
    for n in range(200):
        spans.append(
            guard(span_id=f"{n + 1:016x}")
            if dice.random() < 0.1
            else {
                "status": dice.choice(["ok", "error"]), "finish_reason": dice.choice(["", "stop", "length", "refusal"]),
                "attributes": dice.choice([{}, STREAM]), "parent_span_id": f"{dice.randrange(4):016x}",
                "cost_usd": dice.choice([None, Decimal(dice.randrange(1, 10**9)).scaleb(-12)]),
                "feature": dice.choice(["chat", "search"]), "call_count": dice.choice([1, 4]),
            }
        )  # fmt: skip
    insert(engine, *spans)
    whole = calls.totals(engine, SCOPE, ledger=False)
    found = waste(engine, SCOPE, [Dimension.FEATURE])
    assert sum(each.calls for each in found) == whole.calls
    assert sum(each.priced_cost for each in found) == whole.priced_cost
    assert {each.kind for each in found} == set(CLASSES)
    assert [(each.values, CLASSES.index(each.kind)) for each in found] == sorted(
        (each.values, CLASSES.index(each.kind)) for each in found
    )
    chat = Scope("default", AT, SCOPE.end, {Dimension.FEATURE: ("chat",)})
    assert [each for each in found if each.values == ("chat",)] == waste(engine, chat, [Dimension.FEATURE])
    with pytest.raises(ValueError, match="several tags"):
        waste(engine, SCOPE, [Dimension.TAG])
