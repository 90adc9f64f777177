"""Spans in their places, whatever they claim."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spanledger_dashboard.waterfall import first_choice, layout, rows, ticks

MS = 1_000_000


def span(name: str, parent: str = "", start: int = 0, duration: int | None = 10, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "span_id": name,
        "parent_span_id": parent,
        "name": name,
        "kind": "chain",
        "model": "",
        "start_ns": 1_000 * MS + start * MS,
        "duration_ns": None if duration is None else duration * MS,
        "ttft_ns": None,
        "status": "ok",
        "error_type": "",
        "is_billable": False,
        "price_source": "",
        "cost_usd": None,
        "input_tokens": None,
        "cache_read_tokens": None,
        "cache_write_tokens": None,
        "output_tokens": None,
        "reasoning_tokens": None,
    }
    return found | more


def shape(*spans: dict[str, Any]) -> list[tuple[str, int, int, str]]:
    drawn = layout(spans)
    return [(x.span["span_id"], x.depth, x.start_ns // MS, x.note) for x in drawn.lines]


def test_children_follow_their_parents_in_order_of_time() -> None:
    found = shape(span("a", duration=100), span("c", "a", 50), span("b", "a", 20), span("d", "b", 25))
    assert found == [("a", 0, 0, ""), ("b", 1, 20, ""), ("d", 2, 25, ""), ("c", 1, 50, "")]


def test_a_span_without_its_parent_is_a_root_that_says_so() -> None:
    assert shape(span("a"), span("b", "lost", 5)) == [("a", 0, 0, ""), ("b", 0, 5, "parent missing")]


def test_a_child_timed_by_another_clock_moves_with_all_below_it() -> None:
    found = shape(span("a", start=500, duration=100), span("b", "a", 200), span("c", "b", 203))
    assert found == [("a", 0, 0, ""), ("b", 1, 0, "clock 300ms early"), ("c", 2, 3, "")]


def test_circles_are_cut_and_every_span_is_there_once() -> None:
    assert [name for name, *_ in shape(span("a", "b"), span("b", "a", 1), span("c", "c", 2))] == ["c", "a", "b"]


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(-500, 500), st.none() | st.integers(0, 300)),
        max_size=14,
    )
)
def test_any_spans_are_drawn_once_within_the_lane(claims: list[tuple[int, int, int, int | None]]) -> None:
    spans = [span(str(n), str(parent), start, duration) for n, parent, start, duration in claims]
    drawn = layout(spans)
    assert sorted(line.span["span_id"] for line in drawn.lines) == sorted({s["span_id"] for s in spans})
    for row in rows(drawn):
        assert 0 <= row["left"] <= 100
        assert row["width"] >= 0
        assert row["left"] + row["width"] <= 100.01


def test_rows_say_what_is_known() -> None:
    call = span(
        "call", kind="llm", is_billable=True, ttft_ns=2 * MS, input_tokens=11_000, cache_read_tokens=800,
        output_tokens=1200, cost_usd=Decimal("0.0534"),
    )  # fmt: skip
    unpriced = span("unpriced", kind="llm", is_billable=True, input_tokens=5)
    failed = span("failed", status="error", error_type="504")
    empty = span("empty", status="error", is_billable=True, price_source="failed without usage")
    running = span("running", duration=None)
    found = {row["id"]: row for row in rows(layout([call, unpriced, failed, empty, running]))}
    assert (found["call"]["tokens"], found["call"]["cost"], found["call"]["ttft"]) == ("11.8k → 1,200", "$0.0534", 20)
    assert (found["unpriced"]["tokens"], found["unpriced"]["cost"]) == ("5", "unpriced")
    assert (found["failed"]["error"], found["failed"]["cost"]) == ("504", "")
    assert found["empty"]["cost"] == "–"
    assert (found["running"]["duration"], found["running"]["open"]) == ("running", True)


def test_one_looks_first_at_what_failed_then_at_what_was_dear() -> None:
    cheap = span("cheap", is_billable=True, cost_usd=Decimal(1))
    dear = span("dear", is_billable=True, cost_usd=Decimal(2))
    assert first_choice(layout([cheap, dear])) == "dear"
    assert first_choice(layout([cheap, dear, span("failed", status="error")])) == "failed"
    assert first_choice(layout([])) is None


def test_ticks_cut_the_lane_into_fifths() -> None:
    assert ticks(5_000 * MS) == ["0", "1.00s", "2.00s", "3.00s", "4.00s"]
