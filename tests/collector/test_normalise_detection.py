"""How a span's dialect is found, what other spans are kept as, and parts of dialects that no fixture holds."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanledger_collector.normalise import Origin, normalise
from spanledger_collector.normalise.detection import by_scope
from spanledger_store.columns import EMBEDDING_COLUMNS, SPAN_COLUMNS, SpanBatch
from tests.collector.otlp_builder import attributes, chat, request, span

ORIGIN = Origin("default", "key-1", 1)
USED = {"gen_ai.usage.input_tokens": 900, "gen_ai.usage.output_tokens": 90, "gen_ai.request.model": "gpt-4o"}
BUCKETS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")


def row(values: dict[str, Any], scope: str = "tests", **fields: Any) -> dict[str, Any]:
    batch = SpanBatch("t")
    assert normalise(request(span(values, **fields), scope=scope), ORIGIN, batch, 100_000) == []
    return dict(zip(SPAN_COLUMNS, batch.spans[0], strict=True))


# --- context -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"http.request.method": "POST", "url.full": "http://127.0.0.1/v1/chat/completions"}, "http"),
        ({"http.method": "GET"}, "http"),
        ({"db.system.name": "postgresql"}, "db"),
        ({"db.system": "redis", "db.statement": "GET k"}, "db"),
        ({"rpc.system": "grpc"}, "rpc"),
        ({"messaging.system": "kafka"}, "messaging"),
        ({"anything": "else"}, "span"),
    ],
)
@pytest.mark.parametrize("scope", ["opentelemetry.instrumentation.httpx", "@opentelemetry/instrumentation-undici"])
def test_other_spans_are_context(values: dict[str, Any], kind: str, scope: str) -> None:
    found = row(values, scope)
    assert (found["kind"], found["dialect"], found["is_billable"]) == (kind, "otel", False)
    assert (found["cost_usd"], found["input_tokens"], found["attributes"]) == (None, None, values)


def test_a_gateway_that_writes_both_is_still_a_call() -> None:
    assert row({**USED, "http.request.method": "POST"})["kind"] == "llm"


# --- detection -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "dialect"),
    [
        ("ai", "vercel"),
        ("aiohttp", None),
        ("openinference.instrumentation.openai", "openinference"),
        ("@arizeai/openinference-instrumentation-openai", "openinference"),
        ("opentelemetry.instrumentation.openai.v1", "openllmetry"),
        ("opentelemetry.instrumentation.openai_v2", "otel"),
        ("opentelemetry.instrumentation.requests", None),
        ("traceloop.tracer", "openllmetry"),
        ("@traceloop/instrumentation-openai", "openllmetry"),
        ("openlit.instrumentation.openai", "openlit"),
        ("langfuse-sdk", "langfuse"),
        ("pydantic-ai", "pydantic_ai"),
        ("logfire.openai", "pydantic_ai"),
        ("mlflow.tracing.provider", "mlflow"),
        ("langsmith", "langsmith"),
        ("agent_framework", "agent_framework"),
        ("Experimental.Microsoft.Extensions.AI", "agent_framework"),
        ("", None),
    ],
)
def test_scopes(scope: str, dialect: str | None) -> None:
    found = by_scope(scope)
    assert (found.dialect.name if found else None) == dialect


@pytest.mark.parametrize(
    ("key", "dialect"),
    [
        ("openinference.span.kind", "openinference"),
        ("langfuse.observation.type", "langfuse"),
        ("ai.operationId", "vercel"),
        ("mlflow.spanType", "mlflow"),
        ("langsmith.span.kind", "langsmith"),
        ("logfire.msg", "pydantic_ai"),
        ("gen_ai.usage.cost", "openlit"),
        ("traceloop.span.kind", "openllmetry"),
        ("opik.span_id", "opik"),
        ("gen_ai.request.model", "otel"),
        ("ai", "otel"),
        ("langfusion", "otel"),
    ],
)
def test_keys_tell_the_dialect_where_the_scope_does_not(key: str, dialect: str) -> None:
    for values in ({"gen_ai.system": "openai", key: "x"}, {key: "x", "gen_ai.system": "openai"}):
        assert row(values)["dialect"] == dialect


# --- from the specification, where no package sends it in a fixture ------------------------------------------------


def test_mlflow_cost_identity_and_prompts() -> None:
    found = row(
        {
            "mlflow.spanType": '"LLM"',
            "mlflow.llm.provider": '"openai"',
            "mlflow.llm.model": '"gpt-4o"',
            "mlflow.chat.tokenUsage": json.dumps({"input_tokens": 100, "output_tokens": 50, "total_tokens": 150}),
            "mlflow.llm.cost": json.dumps({"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3}),
            "mlflow.trace.user": "u-1",
            "session.id": '"s-1"',
            "mlflow.traceTag.customer_id": "acme",
            "mlflow.traceTag.tier": "pro",
            "mlflow.linkedPrompts": json.dumps([{"name": "greet", "version": "3"}]),
        }
    )
    expected = {
        "provider": "openai", "model": "gpt-4o", "input_tokens": 100, "client_cost_usd": Decimal("0.3"), "user": "u-1",
        "session": "s-1", "customer": "acme", "metadata": {"customer_id": "acme", "tier": "pro"},
        "prompt_name": "greet", "prompt_version": "3", "cost_usd": Decimal("0.00075"),
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert found["attributes"]["mlflow.llm.cost.input_cost"] == "0.1"


def test_openllmetry_of_before_with_numbered_messages() -> None:
    found = row(
        {
            "llm.request.type": "chat",
            "gen_ai.system": "OpenAI",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "Hello?",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "Hi",
            "gen_ai.usage.prompt_tokens": 100,
            "gen_ai.usage.completion_tokens": 50,
            "llm.usage.total_tokens": 150,
            "gen_ai.usage.cache_read_input_tokens": 40,
            "llm.user": "u-1",
            "traceloop.prompt.key": "greet",
            "traceloop.prompt.version": 3,
        },
        "opentelemetry.instrumentation.openai.v1",
    )
    expected = {
        "kind": "llm", "provider": "openai", "input_tokens": 60, "cache_read_tokens": 40, "output_tokens": 50,
        "input_preview": "Hello?", "output_preview": "Hi", "user": "u-1", "prompt_name": "greet", "prompt_version": "3",
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_a_query_vector_arrives_as_an_event() -> None:
    sent: Span = span({"db.system": "chroma"})
    event = sent.events.add()
    event.name = "db.query.embeddings"
    event.attributes.extend(attributes({"db.query.embeddings.vector": "[0.5, -0.25]"}))
    batch = SpanBatch("t")
    normalise(request(sent, scope="opentelemetry.instrumentation.chromadb"), ORIGIN, batch, 1000)
    assert dict(zip(EMBEDDING_COLUMNS, batch.embeddings[0], strict=True))["vector"] == [0.5, -0.25]


def test_logfire_of_before_kept_requests_and_answers() -> None:
    found = row(
        {
            "request_data": json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello?"}]}),
            "response_data": json.dumps(
                {
                    "message": {"role": "assistant", "content": "Hi"},
                    "usage": {"prompt_tokens": 100, "completion_tokens": 50},
                }
            ),
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
        },
        "logfire.openai",
    )
    assert [found[name] for name in ("kind", "input_tokens", "output_tokens")] == ["llm", 100, 50]
    assert (found["input_preview"], found["output_preview"]) == ("Hello?", "Hi")


def test_first_previews_of_microsoft_extensions_ai() -> None:
    found = row(
        {"gen_ai.operation.name": "chat", "gen_ai.response.input_tokens": 100, "gen_ai.response.output_tokens": 50},
        "Experimental.Microsoft.Extensions.AI",
    )
    assert (found["input_tokens"], found["output_tokens"], found["is_billable"]) == (100, 50, True)


def test_opik_cost_and_openlit_cache_under_their_older_names() -> None:
    found = row({**chat(), "opik.span_id": "1", "gen_ai.cost.total_cost": 0.5})
    assert found["client_cost_usd"] == Decimal("0.5")
    found = row({**chat(100), "gen_ai.usage.prompt_tokens_details.cached_tokens": 40}, "openlit")
    assert (found["input_tokens"], found["cache_read_tokens"]) == (60, 40)


@pytest.mark.parametrize("broken", ["{", "[1", '"x"', "null", "[]", "{}"])
def test_objects_that_cannot_be_read_lose_nothing(broken: str) -> None:
    key = "langfuse.observation.usage_details"
    found = row({"langfuse.observation.type": "generation", key: broken}, "langfuse-sdk")
    assert found["input_tokens"] is None
    assert found["attributes"].get(key) == (None if broken in ("[]", "{}") else broken)


def test_what_no_field_takes_of_an_object_stays_an_attribute() -> None:
    details = {"input": 5, "output": 2, "images": 3, "prompt_tokens_details": {"cached_tokens": 1, "odd": 9}}
    key = "langfuse.observation.usage_details"
    found = row({"langfuse.observation.type": "generation", key: json.dumps(details)}, "langfuse-sdk")
    assert found["attributes"] == {f"{key}.images": "3", f"{key}.prompt_tokens_details.odd": "9"}
    assert [found[name] for name in BUCKETS] == [5, 1, None, 2, None]
