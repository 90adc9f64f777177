from __future__ import annotations

import base64
import json
import struct
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanledger_collector.normalise import Origin, messages, normalise
from spanledger_collector.normalise.dialect import compile_rules
from spanledger_collector.normalise.tables import DIALECTS, OURS, READERS
from spanledger_store.columns import CONTENT_COLUMNS, EMBEDDING_COLUMNS, SPAN_COLUMNS, SpanBatch
from tests.collector.otlp_builder import attributes, chat, request, span

ORIGIN = Origin("default", "key-1", time.time_ns())


def rows(*spans: Span, limit: int = 100_000, **extra: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    batch = SpanBatch("t")
    assert normalise(request(*spans, **extra), ORIGIN, batch, limit) == []
    return (
        [dict(zip(SPAN_COLUMNS, row, strict=True)) for row in batch.spans],
        [dict(zip(CONTENT_COLUMNS, row, strict=True)) for row in batch.content],
    )


def row(values: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return rows(span(values, **fields))[0][0]


def test_a_chat_span_of_the_current_conventions() -> None:
    found = row(
        chat(
            1000,
            **{
                "gen_ai.response.model": "gpt-4o-2024-08-06",
                "gen_ai.usage.cache_read.input_tokens": 400,
                "gen_ai.usage.reasoning.output_tokens": 100,
                "gen_ai.response.time_to_first_chunk": 0.25,
                "gen_ai.response.finish_reasons": ["stop"],
                "gen_ai.conversation.id": "s1",
                "user.id": "u1",
                "gen_ai.prompt.name": "greet",
                "gen_ai.prompt.version": "3",
                "spanledger.customer.id": "acme",
                "spanledger.feature": "chat",
                "spanledger.tags": ["a", "b"],
                "spanledger.metadata.tier": "pro",
                "spanledger.cost.usd": "0.0123",
                "gen_ai.request.temperature": 0.2,
            },
        )
    )
    assert found["kind"] == "llm"
    assert (found["input_tokens"], found["cache_read_tokens"]) == (600, 400)
    assert (found["output_tokens"], found["reasoning_tokens"]) == (400, 100)
    assert found["cache_write_tokens"] is None
    assert found["cost_usd"] == Decimal("600") * Decimal("2.5e-6") + 400 * Decimal("1.25e-6") + 500 * Decimal("1e-5")
    parts = ("input_cost_usd", "cache_read_cost_usd", "cache_write_cost_usd", "output_cost_usd", "other_cost_usd")
    assert sum(found[part] for part in parts) == found["cost_usd"]
    assert found["client_cost_usd"] == Decimal("0.0123")
    assert found["ttft_ns"] == 250_000_000
    expected = {
        "model": "gpt-4o-2024-08-06", "request_model": "gpt-4o", "finish_reason": "stop", "session": "s1",
        "user": "u1", "customer": "acme", "feature": "chat", "tags": ["a", "b"], "metadata": {"tier": "pro"},
        "prompt_name": "greet", "prompt_version": "3", "attributes": {"gen_ai.request.temperature": "0.2"},
        "is_billable": True, "warnings": [], "ingest_key": "key-1", "service": "tests",
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_older_names_mean_the_same() -> None:
    new = row(chat(100))
    old = row(
        {
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.prompt_tokens": 100,
            "gen_ai.usage.completion_tokens": 50,
        }
    )
    same = ("kind", "provider", "model", "input_tokens", "output_tokens", "cost_usd", "is_billable")
    assert [new[name] for name in same] == [old[name] for name in same]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("az.ai.openai", "azure.ai.openai"), ("vertex_ai", "gcp.vertex_ai"), ("xai", "x_ai"), ("openai", "openai")],
)
def test_old_provider_names_become_the_current_ones(sent: str, kept: str) -> None:
    assert row({**chat(), "gen_ai.provider.name": sent})["provider"] == kept


def test_openinference_by_scope_and_by_key() -> None:
    values = {
        "openinference.span.kind": "LLM",
        "llm.provider": "anthropic",
        "llm.model_name": "claude-sonnet-4-5",
        "llm.token_count.prompt": 1200,
        "llm.token_count.completion": 80,
        "llm.token_count.prompt_details.cache_read": 1000,
        "llm.token_count.prompt_details.cache_write": 100,
        "metadata": json.dumps({"customer_id": "acme", "tier": "pro"}),
        "session.id": "s",
        "tag.tags": ["x"],
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "Be brief.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.contents.0.message_content.type": "text",
        "llm.input_messages.1.message.contents.0.message_content.text": "Hello?",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"q": 1}',
    }
    for scope in ("openinference.instrumentation.anthropic", "something.else"):
        spans, contents = rows(span(values), scope=scope)
        found, content = spans[0], contents[0]
        assert found["dialect"] == "openinference"
        assert (found["kind"], found["customer"], found["session"], found["tags"]) == ("llm", "acme", "s", ["x"])
        assert (found["input_tokens"], found["cache_read_tokens"], found["cache_write_tokens"]) == (100, 1000, 100)
        assert found["input_preview"] == "Hello?"
        assert found["output_preview"] == "look"
        assert json.loads(content["input"]) == [
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": "Hello?"}]},
        ]
        assert json.loads(content["output"])[0]["parts"] == [
            {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"q": 1}}
        ]


def test_parents_keep_their_totals_out_of_every_sum() -> None:
    """Roll-ups on agents and chains are counted twice elsewhere: openinference#3164, phoenix#15793."""
    agent = row({**chat(900), "gen_ai.operation.name": "invoke_agent"})
    assert agent["kind"] == "agent"
    assert agent["is_billable"] is False
    assert (agent["input_tokens"], agent["output_tokens"], agent["cost_usd"]) == (None, None, None)
    assert agent["attributes"]["gen_ai.usage.input_tokens"] == "900"
    chain = row({"openinference.span.kind": "CHAIN", "llm.token_count.prompt": 5, "llm.model_name": "gpt-4o"})
    assert (chain["kind"], chain["input_tokens"]) == ("chain", None)


def test_fetching_a_response_again_is_not_a_second_call() -> None:
    found = row({**chat(), "gen_ai.operation.name": "fetch_response"})
    assert (found["is_billable"], found["input_tokens"], found["cost_usd"]) == (False, None, None)


def test_an_emitter_whose_input_leaves_cache_out_is_not_made_negative() -> None:
    """Bedrock and Strands count so: phoenix#13379, openinference#3242."""
    found = row(chat(100, **{"gen_ai.usage.cache_read.input_tokens": 5000}))
    assert (found["input_tokens"], found["cache_read_tokens"]) == (100, 5000)


def test_an_application_cache_hit_costs_nothing() -> None:
    """langfuse#2112."""
    found = row(chat(100, **{"spanledger.cache.hit": True}))
    assert (found["cost_usd"], found["price_source"], found["input_tokens"]) == (0, "cache hit", 100)


def test_unknown_is_none_and_never_zero() -> None:
    unknown = row({**chat(), "gen_ai.provider.name": "vllm", "gen_ai.request.model": "our-llama"})
    assert (unknown["cost_usd"], unknown["price_source"], unknown["input_tokens"]) == (None, "", 100)
    silent = row({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"})
    assert (silent["input_tokens"], silent["cost_usd"], silent["price_source"]) == (None, None, "")
    failed = row(
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "error.type": "429"},
        status=Status(code=Status.STATUS_CODE_ERROR, message="too many"),
    )
    assert (failed["cost_usd"], failed["price_source"], failed["status"]) == (None, "failed without usage", "error")
    assert (failed["error_type"], failed["status_message"]) == ("429", "too many")


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -3, "many", 1.5, True, 1 << 60])
def test_a_count_that_is_no_count_is_unknown_and_kept_as_sent(bad: Any) -> None:
    found = row({**chat(), "gen_ai.usage.input_tokens": bad})
    assert found["input_tokens"] is None
    assert found["warnings"] == ["unreadable gen_ai.usage.input_tokens"]
    assert found["attributes"]["gen_ai.usage.input_tokens"]
    assert found["output_tokens"] == 50


def test_nan_in_any_other_attribute_is_stored_as_its_name() -> None:
    assert row({**chat(), "score": float("nan"), "high": float("inf")})["attributes"] == {
        "score": "NaN",
        "high": "Infinity",
    }


def test_negative_duration_is_unknown() -> None:
    now = time.time_ns()
    found = row(chat(), start=now, end=now - 5)
    assert (found["duration_ns"], found["warnings"], found["start_time"]) == (None, ["end before start"], now)


def test_long_content_is_cut_in_shape_with_its_length_kept() -> None:
    message = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "word " * 10_000}]}])
    spans, contents = rows(span({**chat(), "gen_ai.input.messages": message}), limit=2000)
    assert contents[0]["input_length"] == len(message)
    assert len(contents[0]["input"]) <= 2000
    assert json.loads(contents[0]["input"])[0]["role"] == "user"
    assert spans[0]["warnings"] == ["content truncated"]


def test_long_attributes_move_to_the_content_table() -> None:
    spans, contents = rows(span({**chat(), "big": "x" * 5000, "small": "y"}))
    assert spans[0]["attributes"] == {"small": "y"}
    assert contents[0]["attributes"] == {"big": "x" * 5000}


def test_older_message_events_become_messages() -> None:
    sent = span(chat())
    for name, values in [
        ("gen_ai.system.message", {"content": "Be kind."}),
        ("gen_ai.user.message", {"content": "Hi"}),
        (
            "gen_ai.choice",
            {"index": 0, "finish_reason": "stop", "message": '{"role": "assistant", "content": "Hello"}'},
        ),
    ]:
        event = sent.events.add()
        event.name = name
        event.attributes.extend(attributes(values))
    spans, contents = rows(sent)
    assert [message["role"] for message in json.loads(contents[0]["input"])] == ["system", "user"]
    assert (spans[0]["input_preview"], spans[0]["output_preview"]) == ("Hi", "Hello")


def test_an_exception_event_names_the_error() -> None:
    sent = span(chat(), status=Status(code=Status.STATUS_CODE_ERROR))
    event = sent.events.add()
    event.name = "exception"
    event.attributes.extend(attributes({"exception.type": "Timeout", "exception.message": "too slow"}))
    found = rows(sent)[0][0]
    assert (found["status"], found["error_type"], found["status_message"]) == ("error", "Timeout", "too slow")


@pytest.mark.parametrize(("dtype", "code"), [("float16", "e"), ("float32", "f")])
def test_vectors_arrive_as_they_were_sent(dtype: str, code: str) -> None:
    vector = [0.5, -0.25, 1.0]
    batch = SpanBatch("t")
    values = {
        **chat(),
        "spanledger.embedding": base64.b64encode(struct.pack(f"<3{code}", *vector)).decode(),
        "spanledger.embedding.dtype": dtype,
        "spanledger.embedding.model": "mini",
    }
    normalise(request(span(values)), ORIGIN, batch, 1000)
    found = dict(zip(EMBEDDING_COLUMNS, batch.embeddings[0], strict=True))
    assert (found["model"], found["vector"]) == ("mini", vector)


def test_an_unreadable_vector_is_a_warning_and_not_a_loss() -> None:
    found = row({**chat(), "spanledger.embedding": "not base64!", "spanledger.embedding.dtype": "float16"})
    assert found["warnings"] == ["unreadable spanledger.embedding"]
    assert found["input_tokens"] == 100


def test_a_span_that_breaks_the_normaliser_keeps_no_other_from_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    from spanledger_collector.normalise import spans as module

    real = module._kind

    def breaking(reading: Any, compiled: Any) -> str:
        if reading.rest.get("boom"):
            raise RuntimeError("a bug of ours")
        return real(reading, compiled)

    monkeypatch.setattr(module, "_kind", breaking)
    batch = SpanBatch("t")
    failed = normalise(request(span(chat()), span({"boom": "1"}, name="odd"), span(chat())), ORIGIN, batch, 1000)
    assert len(batch.spans) == 2
    assert "a bug of ours" in failed[0].reason
    assert failed[0].request.resource_spans[0].scope_spans[0].spans[0].name == "odd"


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_source_of_every_table_is_read(dialect: Any) -> None:
    rules = compile_rules(READERS, OURS, dialect.fields)
    for name, sources in dialect.fields.items():
        for source in sources:
            key = source if isinstance(source, str) else source[0]
            assert rules[key].field == name, f"{key} is claimed by {rules[key].field} before {name}"


def test_the_first_source_wins_whatever_the_order_on_the_wire() -> None:
    both = {"gen_ai.usage.prompt_tokens": 1, "gen_ai.usage.input_tokens": 2}
    for values in (both, dict(reversed(both.items()))):
        assert row({**values, "gen_ai.operation.name": "chat"})["input_tokens"] == 2


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "role": st.sampled_from(["user", "assistant", "system"]),
                "parts": st.lists(
                    st.fixed_dictionaries({"type": st.just("text"), "content": st.text(max_size=600)}), max_size=2
                ),
            }
        ),
        min_size=1,
        max_size=2,
    ),
    st.booleans(),
)
def test_the_short_way_to_a_preview_says_what_the_long_way_says(content: list[Any], last: bool) -> None:
    shaped = json.dumps(content, ensure_ascii=False)
    # A blank in front keeps its meaning as JSON and does not fit the short way.
    assert messages.preview(shaped, last=last) == messages.preview(f"[ {shaped[1:]}", last=last)
