"""The rules that keep money right in every dialect; each test names where a peer got it wrong."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_collector.normalise import Origin, normalise
from spanledger_collector.normalise.dialects import DIALECTS
from spanledger_store.columns import SPAN_COLUMNS, SpanBatch
from tests.collector.otlp_builder import chat, request, span

ORIGIN = Origin("default", "key-1", 1)
BUCKETS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")


def row(values: dict[str, Any], scope: str = "tests", **fields: Any) -> dict[str, Any]:
    batch = SpanBatch("t")
    assert normalise(request(span(values, **fields), scope=scope), ORIGIN, batch, 100_000) == []
    return dict(zip(SPAN_COLUMNS, batch.spans[0], strict=True))


def tokens(values: dict[str, Any], scope: str = "tests") -> list[int | None]:
    found = row(values, scope)
    return [found[name] for name in BUCKETS]


# --- only leaves carry money: openinference#3164, phoenix#15793 ----------------------------------------------------

USED = {"gen_ai.usage.input_tokens": 900, "gen_ai.usage.output_tokens": 90, "gen_ai.request.model": "gpt-4o"}


@pytest.mark.parametrize(
    ("scope", "values", "kind"),
    [
        ("ai", {"ai.operationId": "ai.generateText"}, "chain"),
        ("ai", {"ai.operationId": "ai.streamObject"}, "chain"),
        ("ai", {"ai.operationId": "ai.embedMany"}, "chain"),
        ("ai", {"ai.operationId": "ai.somethingNew.doIt"}, "span"),
        ("openinference.instrumentation.langchain", {"openinference.span.kind": "CHAIN"}, "chain"),
        ("openinference.instrumentation.crewai", {"openinference.span.kind": "AGENT"}, "agent"),
        ("traceloop.tracer", {"traceloop.span.kind": "workflow"}, "chain"),
        ("langfuse-sdk", {"langfuse.observation.type": "agent"}, "agent"),
        ("langsmith", {"langsmith.span.kind": "chain", "gen_ai.operation.name": "chain"}, "chain"),
        ("langsmith", {"langsmith.span.kind": "prompt", "gen_ai.operation.name": "chat"}, "chain"),
        ("langsmith", {"langsmith.span.kind": "retriever", "gen_ai.operation.name": "embeddings"}, "retrieval"),
        ("mlflow", {"mlflow.spanType": '"AGENT"'}, "agent"),
        ("pydantic-ai", {"agent_name": "helper", "model_name": "gpt-4o"}, "agent"),
        ("agent_framework", {"gen_ai.operation.name": "invoke_agent"}, "agent"),
        ("Experimental.Microsoft.Extensions.AI", {"gen_ai.operation.name": "orchestrate_tools"}, "chain"),
        ("openlit.instrumentation.crewai", {"gen_ai.operation.name": "invoke_workflow"}, "chain"),
    ],
)
def test_roll_ups_carry_no_money(scope: str, values: dict[str, Any], kind: str) -> None:
    found = row({**USED, **values}, scope)
    assert found["kind"] == kind
    assert (found["is_billable"], found["input_tokens"], found["cost_usd"]) == (False, None, None)
    assert found["attributes"]["gen_ai.usage.input_tokens"] == "900"


def test_totals_under_names_of_their_own_stay_out_too() -> None:
    """pydantic-ai puts agents' totals under gen_ai.aggregated_usage: attributes, never tokens."""
    found = row({**chat(10), "gen_ai.aggregated_usage.input_tokens": 990}, "pydantic-ai")
    assert found["input_tokens"] == 10
    assert found["attributes"]["gen_ai.aggregated_usage.input_tokens"] == "990"


# --- buckets are disjoint ------------------------------------------------------------------------------------------

CACHED = {"gen_ai.usage.cache_read.input_tokens": 1000, "gen_ai.usage.cache_creation.input_tokens": 50}


def test_a_total_shows_that_input_leaves_cache_out() -> None:
    """Bedrock and Strands: phoenix#13379, openinference#3242."""
    used = {"llm.token_count.prompt": 5000, "llm.token_count.completion": 80, "openinference.span.kind": "LLM"}
    cache = {"llm.token_count.prompt_details.cache_read": 1000, "llm.token_count.prompt_details.cache_write": 50}
    assert tokens({**used, **cache, "llm.token_count.total": 6130}) == [5000, 1000, 50, 80, None]
    assert tokens({**used, **cache, "llm.token_count.total": 5080}) == [3950, 1000, 50, 80, None]
    assert tokens({**used, **cache}) == [3950, 1000, 50, 80, None]


def test_a_total_shows_that_output_leaves_reasoning_out() -> None:
    """Gemini counts thoughts beside its answer."""
    used = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 80}
    more = {"gen_ai.usage.reasoning.output_tokens": 30}
    assert tokens({**used, **more, "gen_ai.usage.total_tokens": 120}) == [10, None, None, 80, 30]
    assert tokens({**used, **more, "gen_ai.usage.total_tokens": 90}) == [10, None, None, 50, 30]


@pytest.mark.parametrize(
    ("scope", "provider", "expected"),
    [
        ("openlit.instrumentation.anthropic", "anthropic", 5000),
        ("openlit.instrumentation.bedrock", "aws.bedrock", 5000),
        ("openlit.instrumentation.openai", "openai", 3950),
        ("opentelemetry.instrumentation.bedrock", "AWS", 5000),
        ("opentelemetry.instrumentation.bedrock", "aws.bedrock", 5000),
        ("opentelemetry.instrumentation.anthropic", "anthropic", 3950),
    ],
)
def test_emitters_known_to_leave_cache_out_are_read_so(scope: str, provider: str, expected: int) -> None:
    """Where cache is smaller than input no count looks wrong by itself.

    Bedrock's input leaves cache out (phoenix#13379); OpenTelemetry's includes it (langfuse#12306).
    """
    found = row({**chat(5000), **CACHED, "gen_ai.provider.name": provider}, scope)
    assert (found["input_tokens"], found["cache_read_tokens"], found["cache_write_tokens"]) == (expected, 1000, 50)


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        # Langfuse's own words: buckets that add up.
        ({"input": 5000, "output": 80, "cache_read_input_tokens": 1000}, [5000, 1000, None, 80, None]),
        ({"input": 5000, "output": 50, "output_reasoning_tokens": 30}, [5000, None, None, 50, 30]),
        # OpenAI's counts under Langfuse's words, from its older JavaScript wrapper (langfuse#10592) and from LiteLLM
        # (litellm#11364): the total gives them away.
        ({"input": 5000, "output": 80, "total": 5080, "cache_read_input_tokens": 1000}, [4000, 1000, None, 80, None]),
        # LiteLLM subtracts what was read from the cache and forgets what was written: litellm#26919.
        (
            {
                "input": 4000,
                "output": 80,
                "total": 5080,
                "cache_read_input_tokens": 1000,
                "cache_creation_input_tokens": 50,
            },
            [3950, 1000, 50, 80, None],
        ),
        ({"input": 5000, "output": 80, "total": 6080, "cache_read_input_tokens": 1000}, [5000, 1000, None, 80, None]),
        # OpenAI's words.
        (
            {"prompt_tokens": 5000, "completion_tokens": 80, "prompt_tokens_details": {"cached_tokens": 1000}},
            [4000, 1000, None, 80, None],
        ),
        ({"input_tokens": 9, "output_tokens": 2}, [9, None, None, 2, None]),
    ],
)
def test_langfuse_usage_in_every_wording(details: dict[str, Any], expected: list[int | None]) -> None:
    """In Langfuse's own words each key is a bucket of its own (langfuse#10592)."""
    values = {"langfuse.observation.type": "generation", "langfuse.observation.usage_details": json.dumps(details)}
    assert tokens(values, "langfuse-sdk") == expected


def test_vercel_up_to_5_leaves_anthropics_cache_out_and_6_does_not() -> None:
    call = {"ai.operationId": "ai.generateText.doGenerate", "ai.model.provider": "anthropic.messages"}
    used = {**call, "ai.usage.inputTokens": 5000, "ai.usage.outputTokens": 80, "ai.usage.cachedInputTokens": 1000}
    assert tokens(used, "ai") == [5000, 1000, None, 80, None]
    six = {"ai.usage.inputTokenDetails.cacheReadTokens": 1000, "ai.usage.inputTokenDetails.cacheWriteTokens": 50}
    assert tokens({**used, **six}, "ai") == [3950, 1000, 50, 80, None]
    assert tokens({**used, "ai.model.provider": "openai.responses"}, "ai") == [4000, 1000, None, 80, None]
    four = {"anthropic": {"cacheReadInputTokens": 1000, "cacheCreationInputTokens": 50}}
    values = {**call, "ai.usage.promptTokens": 5000, "ai.usage.completionTokens": 80}
    assert tokens({**values, "ai.response.providerMetadata": json.dumps(four)}, "ai") == [5000, 1000, 50, 80, None]


count = st.integers(0, 10_000)


@given(fresh=count, read=count, wrote=count, said=count, thought=count, without=st.sampled_from([0, 1, 2, 3]))
def test_buckets_add_up_to_the_total_however_they_were_counted(
    fresh: int, read: int, wrote: int, said: int, thought: int, without: int
) -> None:
    """Bit 1 of `without`: input without cache; bit 2: output without reasoning."""
    found = row(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.usage.input_tokens": fresh + (0 if without & 1 else read + wrote),
            "gen_ai.usage.output_tokens": said + (0 if without & 2 else thought),
            "gen_ai.usage.cache_read.input_tokens": read,
            "gen_ai.usage.cache_write.input_tokens": wrote,
            "gen_ai.usage.reasoning.output_tokens": thought,
            "gen_ai.usage.total_tokens": fresh + read + wrote + said + thought,
        }
    )
    assert sum(found[name] for name in BUCKETS) == fresh + read + wrote + said + thought
    assert all(found[name] >= 0 for name in BUCKETS)


def test_details_that_repeat_a_count_are_not_added() -> None:
    """pydantic-ai's gen_ai.usage.details.* (dialects.md): read where a count is missing, never on top of one."""
    details = {
        "gen_ai.usage.details.input_tokens": 1200,
        "gen_ai.usage.details.cache_read_tokens": 1000,
        "gen_ai.usage.details.reasoning_tokens": 30,
    }
    used = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 1200, "gen_ai.usage.output_tokens": 80}
    both = {**used, "gen_ai.usage.cache_read.input_tokens": 1000}
    for values in ({**both, **details}, {**used, **details}):
        assert tokens(values, "pydantic-ai") == [200, 1000, None, 50, 30]


# --- free, unknown, repeated ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["pydantic-ai", "openlit", "agent_framework", "opentelemetry.instrumentation.openai"])
def test_fetching_a_response_again_spends_no_tokens(scope: str) -> None:
    found = row({**chat(), "gen_ai.operation.name": "fetch_response"}, scope)
    assert (found["is_billable"], found["input_tokens"], found["cost_usd"]) == (False, None, None)


@pytest.mark.parametrize("scope", [dialect.scopes[0] for dialect in DIALECTS])
def test_a_hit_of_the_applications_cache_is_free_in_every_dialect(scope: str) -> None:
    """langfuse#2112."""
    found = row({**chat(100), "spanledger.cache.hit": True, "spanledger.kind": "llm"}, scope)
    assert (found["cost_usd"], found["price_source"]) == (0, "cache hit")


@pytest.mark.parametrize("scope", [dialect.scopes[0] for dialect in DIALECTS])
def test_an_unknown_model_has_no_cost_in_any_dialect(scope: str) -> None:
    """openlit stores 0."""
    values = {**chat(100), "gen_ai.request.model": "our-llama", "spanledger.kind": "llm"}
    found = row({**values, "ai.model.provider": "openai"}, scope)
    assert (found["is_billable"], found["cost_usd"], found["price_source"]) == (True, None, "")
    assert found["input_tokens"] == 100


def test_a_framework_is_not_a_provider() -> None:
    found = row({**chat(100), "gen_ai.provider.name": "langchain"})
    assert (found["provider"], found["cost_usd"]) == ("", Decimal("0.00075"))


def test_usage_is_read_from_an_answer_that_was_recorded_and_not_read() -> None:
    """agno's instrumentation keeps the provider's answer as output, and counts nothing."""
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "gpt-4o-2024-08-06",
        "choices": [{"message": {"role": "assistant", "content": "Hi"}}],
        "usage": {"prompt_tokens": 1200, "completion_tokens": 80, "prompt_tokens_details": {"cached_tokens": 1000}},
    }
    values = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o", "output.value": json.dumps(answer)}
    found = row(values)
    assert [found[name] for name in BUCKETS[:4]] == [200, 1000, None, 80]
    assert (found["model"], found["response_id"], found["output_preview"]) == ("gpt-4o-2024-08-06", "chatcmpl-1", "Hi")
    # What the emitter did count wins.
    assert row({**values, "llm.token_count.prompt": 7})["input_tokens"] == 7


# --- a span that is the sum of many calls ---------------------------------------------------------------------------


def test_a_span_that_sums_calls_says_how_many() -> None:
    assert row(USED)["call_count"] == 1
    assert row({**USED, "spanledger.call.count": 812})["call_count"] == 812
    assert row({**USED, "spanledger.call.count": 0})["call_count"] == 1
    negative = row({**USED, "spanledger.call.count": -3})
    assert negative["call_count"] == 1
    assert negative["warnings"] == ["unreadable spanledger.call.count"]


def test_an_end_that_is_not_set_is_unknown_and_no_mistake() -> None:
    found = row(USED, end=0)
    assert (found["duration_ns"], found["warnings"]) == (None, [])
