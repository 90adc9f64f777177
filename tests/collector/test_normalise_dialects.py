"""Spans captured from real packages against what is true of them (dialects/expected.py)."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spanledger_collector.normalise import Origin, normalise
from spanledger_collector.otlp import JSON, decode
from spanledger_store.columns import CONTENT_COLUMNS, EMBEDDING_COLUMNS, SPAN_COLUMNS, SpanBatch
from tests.collector.dialects.expected import EXPECTED, NOTHING

FIXTURES = Path(__file__).parent / "dialects"


def normalised(case: str) -> SpanBatch:
    batch = SpanBatch("t")
    request = decode((FIXTURES / f"{case}.otlp.json").read_bytes(), JSON)
    assert normalise(request, Origin("p", "k", 1), batch, 100_000) == []
    return batch


def rows_of(batch: SpanBatch) -> list[dict[str, Any]]:
    found = [dict(zip(SPAN_COLUMNS, row, strict=True)) for row in batch.spans]
    return sorted(found, key=lambda row: row["span_id"])


@pytest.mark.parametrize("case", EXPECTED)
def test_captured_spans_say_what_was_true(case: str) -> None:
    found = [{name: row[name] for name in NOTHING} for row in rows_of(normalised(case))]
    assert found == EXPECTED[case]


@pytest.mark.parametrize("case", [case for case in EXPECTED if not case.startswith("duplicates/")])
def test_captured_spans_are_recognised_by_their_dialect(case: str) -> None:
    dialect = case.partition("/")[0]
    assert {row["dialect"] for row in rows_of(normalised(case))} == {dialect}


def test_every_fixture_is_expected_and_clean() -> None:
    files = sorted(FIXTURES.glob("*/*.otlp.json"))
    assert sorted(EXPECTED) == [f"{file.parent.name}/{file.name.removesuffix('.otlp.json')}" for file in files]
    for file in files:
        text = file.read_text()
        document = json.loads(text)
        assert document["capturedFrom"]
        spans = [s for r in document["resourceSpans"] for scope in r["scopeSpans"] for s in scope["spans"]]
        assert spans
        hosts = set(re.findall(r"https?://([^/:\"\\]+)", json.dumps(spans)))
        assert hosts <= {"127.0.0.1", "json-schema.org"}, file  # the latter names a schema, not a place
        assert not re.search(r"/(home|root|tmp|work|Users)/", text), file


def test_the_first_piece_of_a_stream_is_timed_from_events_moments_and_measures() -> None:
    found = {
        case: next(row["ttft_ns"] for row in rows_of(normalised(case)) if row["kind"] == "llm")
        for case in EXPECTED
        if case.endswith("stream") and not case.startswith("duplicates")
    }
    assert found == {
        "openinference/stream": 10_000_000,  # an event
        "openllmetry/stream": 10_000_000,
        "mlflow/stream": 10_000_000,
        "langfuse/stream": 10_000_000,  # a moment
        "openlit/stream": 250_000_000,  # seconds
        "vercel/v4_stream": 250_000,  # milliseconds
        "vercel/v5_stream": 250_000,
        "vercel/v6_stream": 250_000,
    }


def test_the_senders_own_cost_is_kept_beside_ours() -> None:
    found = {
        case: [row["client_cost_usd"] for row in rows_of(normalised(case)) if row["is_billable"]]
        for case in ("openlit/chat", "langfuse/observed", "pydantic_ai/agent", "pydantic_ai/logfire_openai")
    }
    assert found == {
        "openlit/chat": [Decimal("0.0038")],  # it charges cached tokens in full
        "langfuse/observed": [Decimal("0.0021375")],
        "pydantic_ai/agent": [Decimal("0.000345"), Decimal("0.00255")],
        "pydantic_ai/logfire_openai": [Decimal("0.00255")],
    }


def test_tags_metadata_features_and_environments() -> None:
    def first(case: str, *names: str) -> list[Any]:
        row = next(row for row in rows_of(normalised(case)) if row["kind"] in ("llm", "span"))
        return [row[name] for name in names]

    assert first("openinference/chat", "tags") == [["beta"]]
    assert first("openinference/chat", "metadata") == [{"customer_id": "acme", "tier": "pro"}]
    assert first("langfuse/chat", "tags", "environment") == [["beta"], "staging"]
    assert first("langfuse/chat", "metadata") == [{"customer_id": "acme", "tier": "pro"}]
    assert first("openllmetry/chat", "metadata") == [{"tier": "pro"}]
    assert first("openlit/chat", "environment") == ["staging"]
    assert first("opik/processor", "tags", "metadata") == [["beta"], {"tier": "pro"}]
    assert first("langsmith/chat", "tags") == [["beta"]]
    assert first("pydantic_ai/logfire_openai", "tags", "environment") == [["LLM"], "staging"]
    assert first("vercel/v6_text", "feature") == ["sums"]


@pytest.mark.parametrize(
    ("case", "count"), [("openinference/embeddings", 1), ("vercel/v5_embed", 2), ("langfuse/embeddings", 0)]
)
def test_vectors_are_kept_once_a_call(case: str, count: int) -> None:
    found = [dict(zip(EMBEDDING_COLUMNS, row, strict=True)) for row in normalised(case).embeddings]
    assert [row["vector"] for row in found] == [[0.5, -0.25, 0.125, 1.0]] * count


def test_tools_and_documents_are_content() -> None:
    def content(case: str, at: int = 0) -> dict[str, Any]:
        batch = normalised(case)
        return dict(zip(CONTENT_COLUMNS, batch.content[at], strict=True))

    for case, at_row in (("openinference/tools", 0), ("openllmetry/tools", 0), ("vercel/v6_tools", 1)):
        assert json.loads(content(case, at_row)["tool_definitions"])[0]["type"] == "function", case
        call = json.loads(content(case, at_row)["output"])[0]["parts"][-1]
        assert (call["type"], call["id"], call["name"]) == ("tool_call", "call_0001", "weather"), case
    document = json.loads(content("openinference/helpers", 0)["output"])[0]
    assert (document["role"], document["id"], document["score"], document["metadata"]) == (
        "document", "d1", 0.9, {"page": 0},
    )  # fmt: skip
    asked = json.loads(content("openinference/helpers", 1)["input"])
    assert [message["role"] for message in asked] == ["user", "document", "document"]
