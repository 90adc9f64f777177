"""Spans captured from real packages against what their fake provider truly answered (capture/provider.py).

The provider's answers, in disjoint buckets and at list prices (dollars per million tokens):

| answer | input | cache read | cache write | output | reasoning | cost |
|---|---|---|---|---|---|---|
| FULL, gpt-4o at 2.50 / 1.25 / 10.00 | 200 | 1000 | - | 50 | 30 | 0.002550 |
| SMALL, gpt-4o | 90 | 0 | - | 12 | 0 | 0.000345 |
| CLAUDE, claude-sonnet-4-5 at 3.00 / 0.30 / 3.75 / 15.00 | 150 | 1000 | 50 | 80 | - | 0.0021375 |
| EMBEDDED, text-embedding-3-small at 0.02 | 7 | - | - | - | - | 0.00000014 |

Where a package leaves a part of the answer out, the expectation says so beside the row.
"""

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

FIXTURES = Path(__file__).parent / "dialects"
ANSWER, ASKED, WEATHER = "Two and two is four.", "What is two and two?", "Weather in Oslo?"

NOTHING: dict[str, Any] = {
    "kind": "span", "provider": "", "model": "", "input_tokens": None, "cache_read_tokens": None,
    "cache_write_tokens": None, "output_tokens": None, "reasoning_tokens": None, "cost_usd": None, "session": "",
    "user": "", "customer": "", "input_preview": "", "output_preview": "", "is_billable": False, "warnings": [],
}  # fmt: skip

Expected = dict[str, Any]


def at(kind: str, given: str = "", made: str = "", **more: Any) -> Expected:
    """A span that carries no money."""
    return {**NOTHING, "kind": kind, "input_preview": given, "output_preview": made, **more}


def llm(tokens: tuple[int | None, ...], cost: str | None, **more: Any) -> Expected:
    """A billable call to OpenAI; tokens are input, cache read, cache write, output, reasoning."""
    names = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
    call = {
        "kind": "llm", "provider": "openai", "model": "gpt-4o-2024-08-06", "is_billable": True,
        "cost_usd": Decimal(cost) if cost else None, "input_preview": ASKED, "output_preview": ANSWER,
    }  # fmt: skip
    return {**NOTHING, **call, **dict(zip(names, tokens, strict=True)), **more}


def full(**more: Any) -> Expected:
    return llm((200, 1000, None, 50, 30), "0.002550", **more)


def full_without_reasoning(**more: Any) -> Expected:
    """The sender did not say how much of the output was reasoning; it costs the same."""
    return llm((200, 1000, None, 80, None), "0.002550", **more)


def small(cache_read: int | None = 0, reasoning: int | None = 0, **more: Any) -> Expected:
    more = {"input_preview": WEATHER, "output_preview": "weather", **more}
    return llm((90, cache_read, None, 12, reasoning), "0.000345", **more)


def claude(**more: Any) -> Expected:
    more = {"provider": "anthropic", "model": "claude-sonnet-4-5-20250929", **more}
    return llm((150, 1000, 50, 80, None), "0.0021375", **more)


def embedded(given: str, cost: str | None = "0.00000014", **more: Any) -> Expected:
    more = {"kind": "embedding", "model": "text-embedding-3-small", "output_preview": "", **more}
    return llm((7, None, None, None, None), cost, input_preview=given, **more)


WHO = {"customer": "acme", "user": "u-1", "session": "s-1"}
ADA = {"model": "text-embedding-3-small", "provider": "openai"}
GPT = {"model": "gpt-4o", "provider": "openai"}
CITY = '{"city": "Oslo"}'
RUN = {"session": "00000000-0000-4000-8000-000000000002"}
TWO_TEXTS = {"warnings": ["kept 1 of 2 embeddings"]}
NAN = [f"unreadable {key}" for key in ("ai.usage.promptTokens", "ai.usage.completionTokens")]
NAN_STEP = [*NAN, "unreadable gen_ai.usage.input_tokens", "unreadable gen_ai.usage.output_tokens"]

PYDANTIC_RUN = [
    at("agent", WEATHER, ANSWER, **RUN),
    # It leaves cache reads out where they are 0.
    small(cache_read=None, **RUN),
    at("tool", '{"city":"Oslo"}', "rain in Oslo", **RUN),
    full(input_preview=WEATHER, **RUN),
]

CHAIN = [
    at("chain", '{"a": "two", "b": "two"}', ANSWER),
    at("chain", '{"a": "two", "b": "two"}', ASKED),
    full(),
]

EXPECTED: dict[str, list[Expected]] = {
    "openinference/chat": [full(**WHO)],
    "openinference/stream": [full()],
    "openinference/tools": [small()],
    "openinference/embeddings": [embedded("four", **TWO_TEXTS)],
    "openinference/responses": [full()],
    "openinference/anthropic": [claude()],
    "openinference/langchain": CHAIN,
    # The two instrumentations do not nest, they are two traces: billed twice, and documented as undetected.
    "openinference/langchain_and_openai": [*CHAIN, full()],
    "openinference/helpers": [
        at("retrieval", "2+2", ANSWER),
        at("reranker", "2+2", ANSWER, model="rerank-v3.5"),
        at("tool", CITY, "rain"),
    ],
    "duplicates/chat": [
        at("llm", ASKED, ANSWER, provider="openai", model="gpt-4o-2024-08-06",
           warnings=["duplicate of 00000000b0000002"]),
        full(),
    ],
    "duplicates/stream": [
        at("llm", ASKED, ANSWER, provider="openai", model="gpt-4o-2024-08-06",
           warnings=["duplicate of 00000000b0000002"]),
        full(),
    ],
    "openllmetry/chat": [
        at("chain", '{"args": [], "kwargs": {}}', ANSWER, **WHO),
        at("tool", '{"args": ["Oslo"], "kwargs": {}}', "rain in Oslo", **WHO),
        at("chain", '{"args": [], "kwargs": {}}', ANSWER, **WHO),
        full(**WHO),
    ],
    "openllmetry/stream": [full_without_reasoning()],
    "openllmetry/tools": [small()],
    "openllmetry/embeddings": [embedded("two", cache_read_tokens=0)],
    "openllmetry/anthropic": [claude()],
    # OpenLIT says "written: 0" where OpenAI says nothing, and does not pass reasoning on.
    "openlit/chat": [full_without_reasoning(cache_write_tokens=0, user="u-1")],
    "openlit/stream": [full_without_reasoning(cache_write_tokens=0)],
    "openlit/tools": [small(reasoning=None, cache_write_tokens=0)],
    "openlit/embeddings": [embedded("two")],
    "openlit/anthropic": [claude()],
    # Langfuse names no provider: the model's name decides the price, and an embedding model's alone does not.
    "langfuse/chat": [full(provider="", **WHO)],
    "langfuse/stream": [full(provider="")],
    "langfuse/observed": [
        at("agent", '{"args": [], "kwargs": {}}', "done"),
        claude(provider="", model="claude-sonnet-4-5"),
        at("tool", CITY, "rain"),
    ],
    "langfuse/embeddings": [
        embedded("two", cost=None, provider="", output_preview='{"dimensions": 4, "count": 1}')
    ],
    "pydantic_ai/agent": PYDANTIC_RUN,
    "pydantic_ai/older": PYDANTIC_RUN,
    "pydantic_ai/logfire_openai": [full()],
    # MLflow's usage has no reasoning, and this version names no provider.
    "mlflow/chat": [full_without_reasoning(provider="")],
    "mlflow/stream": [full_without_reasoning(provider="")],
    "mlflow/traced": [
        at("agent", "{}", "done"),
        at("tool", CITY, "rain in Oslo"),
        full_without_reasoning(provider=""),
    ],
    "opik/processor": [at("span", "2+2", session="s-1"), full_without_reasoning()],
    "langsmith/chat": [full(**WHO)],
    "langsmith/traced": [
        at("chain", "{}", ANSWER),
        at("retrieval", '{"query":"2+2"}',
           '{"output":[{"page_content":"Two and two is four.","type":"Document","metadata":{"page":1}}]}'),
        at("tool", '{"city":"Oslo"}', "rain in Oslo"),
        full(),
    ],
    "agent_framework/agent": [
        at("agent", WEATHER, ANSWER, model="gpt-4o"),
        small(),
        at("tool", CITY, "rain in Oslo"),
        full(input_preview=WEATHER),
    ],
    "vercel/v4_text": [at("chain", ASKED, ANSWER, **GPT, **WHO), full(**WHO)],
    # This version's adapter does not ask for usage in streams, and sends NaN.
    "vercel/v4_stream": [
        at("chain", ASKED, ANSWER, **GPT, **WHO, warnings=NAN),
        llm((None,) * 5, None, **WHO, warnings=NAN_STEP),
    ],
    # Version 5 tells cached and reasoning tokens of streams only: here they cannot be known, and all input costs full.
    "vercel/v5_text": [
        at("chain", ASKED, ANSWER, **GPT, **WHO),
        llm((1200, None, None, 80, None), "0.003800", **WHO),
    ],
    "vercel/v5_stream": [at("chain", ASKED, ANSWER, **GPT, **WHO), full(**WHO)],
    "vercel/v5_tools": [
        at("chain", WEATHER, "weather", **GPT, **WHO),
        small(cache_read=None, reasoning=None, **WHO),
        at("tool", '{"city":"Oslo"}', "rain in Oslo", **WHO),
    ],
    "vercel/v5_embed": [
        at("chain", "two", **ADA, **WHO),
        embedded("two", **WHO),
        embedded("four", **WHO, **TWO_TEXTS),
        at("chain", "four", **ADA, **WHO),
    ],
    "vercel/v6_text": [at("chain", ASKED, ANSWER, **GPT, **WHO), full(**WHO)],
    "vercel/v6_stream": [at("chain", ASKED, ANSWER, **GPT, **WHO), full(**WHO)],
    "vercel/v6_tools": [
        at("chain", WEATHER, "weather", **GPT, **WHO),
        small(**WHO),
        at("tool", '{"city":"Oslo"}', "rain in Oslo", **WHO),
    ],
}  # fmt: skip


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
