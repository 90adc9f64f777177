"""One call that two instrumentations saw is counted once (the entry point `openai` is claimed by three packages)."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanledger_collector.normalise import Origin, normalise
from spanledger_collector.normalise.duplicates import find_duplicates, mark_duplicates
from spanledger_store.columns import SPAN_COLUMNS, SpanBatch
from tests.collector.otlp_builder import chat, request, span

TRACE = b"t" * 16
NOW = time.time_ns()


def ident(number: int) -> bytes:
    return number.to_bytes(8, "big")


def call(number: int, parent: int = 0, **values: Any) -> Span:
    fields = {"trace_id": TRACE, "span_id": ident(number), "start": NOW + number}
    if parent:
        fields["parent_span_id"] = ident(parent)
    return span({**chat(100), **{key.replace("__", "."): value for key, value in values.items()}}, **fields)


def rows(*requests: ExportTraceServiceRequest) -> dict[int, dict[str, Any]]:
    batch = SpanBatch("t")
    for item in requests:
        assert normalise(item, Origin("p", "k", 1), batch, 1000) == []
    found = [dict(zip(SPAN_COLUMNS, row, strict=True)) for row in batch.spans]
    return {int(row["span_id"], 16): row for row in found}


def billable(*spans: Span) -> set[int]:
    return {number for number, row in rows(request(*spans)).items() if row["is_billable"]}


def test_the_inner_of_two_that_say_the_same_is_kept() -> None:
    found = rows(request(call(1), call(2, parent=1)))
    assert found[2]["is_billable"] is True
    assert found[2]["warnings"] == []
    outer = found[1]
    assert (outer["is_billable"], outer["warnings"]) == (False, ["duplicate of 0000000000000002"])
    assert (outer["input_tokens"], outer["output_tokens"], outer["cost_usd"], outer["price_source"]) == (
        None, None, None, "",
    )  # fmt: skip
    assert outer["attributes"]["duplicate.input_tokens"] == "100"


def test_order_in_the_request_and_spans_between_do_not_matter() -> None:
    between = span({}, trace_id=TRACE, span_id=ident(5), parent_span_id=ident(1), name="retry")
    assert billable(call(2, parent=5), between, call(1)) == {2}
    assert billable(call(1), between, call(2, parent=5)) == {2}


def test_three_instrumentations_on_one_call() -> None:
    found = rows(request(call(1), call(2, parent=1), call(3, parent=2)))
    assert {number for number, row in found.items() if row["is_billable"]} == {3}


def test_two_calls_below_one_are_two_calls() -> None:
    assert billable(call(1), call(2, parent=1), call(3, parent=1)) == {2, 3}
    other = {"gen_ai__usage__input_tokens": 7}
    assert billable(call(1, **other), call(2, parent=1), call(3, parent=1)) == {1, 2, 3}


def test_equal_calls_beside_each_other_are_two_calls() -> None:
    assert billable(call(1), call(2)) == {1, 2}


def test_an_answers_id_decides_before_its_counts() -> None:
    same, other = {"gen_ai__response__id": "r1"}, {"gen_ai__response__id": "r2"}
    assert billable(call(1, **same), call(2, parent=1, **other)) == {1, 2}
    assert billable(call(1, **same, gen_ai__usage__input_tokens=7), call(2, parent=1, **same)) == {2}


def test_the_one_that_knows_the_usage_is_kept() -> None:
    """A stream of which the inner instrumentation saw no usage."""
    same = {"gen_ai__response__id": "r1"}
    silent = call(2, parent=1, **same)
    for index in reversed(range(len(silent.attributes))):
        if silent.attributes[index].key.startswith("gen_ai.usage."):
            del silent.attributes[index]
    found = rows(request(call(1, **same), silent))
    assert (found[1]["is_billable"], found[2]["is_billable"]) == (True, False)
    assert found[2]["warnings"] == ["duplicate of 0000000000000001"]


def test_other_models_other_kinds_and_unknown_usage_are_no_duplicates() -> None:
    assert billable(call(1, gen_ai__request__model="gpt-4.1"), call(2, parent=1)) == {1, 2}
    assert billable(call(1, gen_ai__operation__name="embeddings"), call(2, parent=1)) == {1, 2}
    bare = [span({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}, trace_id=TRACE, span_id=ident(n))
            for n in (1, 2)]  # fmt: skip
    bare[1].parent_span_id = ident(1)
    assert billable(*bare) == {1, 2}


def test_parts_of_one_whole_may_be_known_differently() -> None:
    cached = {"gen_ai__usage__cache_read__input_tokens": 60, "gen_ai__usage__reasoning__output_tokens": 20}
    assert billable(call(1), call(2, parent=1, **cached)) == {2}


def test_two_dialects_that_did_not_nest_share_the_answers_id() -> None:
    made = request(call(1, gen_ai__response__id="r1"), scope="openlit.instrumentation.openai")
    made.MergeFrom(request(call(2, gen_ai__response__id="r1"), scope="opentelemetry.instrumentation.openai.v1"))
    assert {number for number, row in rows(made).items() if row["is_billable"]} == {2}
    # In one dialect an id that repeats is the server's habit, not a second instrumentation.
    assert billable(call(1, gen_ai__response__id="r1"), call(2, gen_ai__response__id="r1")) == {1, 2}


def test_what_arrives_in_another_request_is_not_known() -> None:
    """docs/dialects.md says so."""
    found = rows(request(call(1)), request(call(2, parent=1)))
    assert [row["is_billable"] for row in found.values()] == [True, True]


def test_other_traces_do_not_take_part() -> None:
    other = call(2, parent=1)
    other.trace_id = b"u" * 16
    assert billable(call(1), other) == {1, 2}


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.sampled_from([100, 200])), max_size=7))
def test_any_tree_and_any_circle_keeps_each_call_once(tree: list[tuple[int, bool, int]]) -> None:
    """Parents are arbitrary, circles included: it ends, one of each group stays, and a second look changes nothing."""
    spans = [
        call(number, parent, gen_ai__usage__input_tokens=tokens)
        if calls
        else span({}, trace_id=TRACE, span_id=ident(number), **({"parent_span_id": ident(parent)} if parent else {}))
        for number, (parent, calls, tokens) in enumerate(tree, 1)
    ]
    batch = SpanBatch("t")
    normalise(request(*spans), Origin("p", "k", 1), batch, 1000)
    kept = {row[SPAN_COLUMNS.index("input_tokens")] for row in batch.spans if row[SPAN_COLUMNS.index("is_billable")]}
    assert kept == {tokens for _, calls, tokens in tree if calls}
    assert find_duplicates(batch.spans) == {}
    before = list(batch.spans)
    mark_duplicates(batch.spans)
    assert batch.spans == before
