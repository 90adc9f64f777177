import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spanledger import Usage
from spanledger.pricing import price
from spanledger.responses import extract_stream, extract_usage

from .test_pricing import REGISTRY, inclusive

BODIES = Path(__file__).parents[3] / "shared" / "data" / "provider_usages" / "usages.json"


def compared(usage: dict[str, int]) -> dict[str, int]:
    """Counts to compare: text is the rest, tool input is input, and the cache's lifetimes are parts of writes."""
    return {k: v for k, v in usage.items() if v and not any(part in k for part in ("text", "tool", "_5m", "_1h"))}


@pytest.mark.skipif(not BODIES.exists(), reason="shared/data/provider_usages is not beside the repository")
def test_real_usage_bodies_are_read_as_another_implementation_reads_them() -> None:
    result: Counter[str] = Counter()
    for entry in json.loads(BODIES.read_text()):
        found = extract_usage(entry["body"])
        assert found is not None, entry["body"]["file"]
        library = inclusive(found.usage)
        ours = compared({key: library.__dict__.get(key, 0) for key in REGISTRY.units if key != "requests"})
        readings = [r for r in entry["extracted"] if compared(r["usage"]) == ours]
        result["same" if readings else "differs"] += 1
        for reading in readings:
            for extractor in reading["extractors"]:
                if "input_price" not in extractor or "model" not in entry:
                    continue
                cost = price(found.usage, provider=extractor["provider_id"], model=entry["model"])
                said = Decimal(extractor.get("total_price") or 0) or Decimal(extractor["input_price"]) + Decimal(
                    extractor["output_price"]
                )
                result["price same" if cost is not None and cost.total == said else "price differs"] += 1
    # The one difference: OpenRouter's video tokens, which the other reading leaves among the text.
    assert (result["same"], result["differs"]) == (1105, 1)
    # The prices that differ were changed in the price list after these were recorded.
    assert result["price same"] >= 1900
    assert result["price differs"] <= 100


CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 20},
    },
}


def as_object(value: Any) -> Any:
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_object(member) for key, member in value.items()})
    return [as_object(member) for member in value] if isinstance(value, list) else value


@pytest.mark.parametrize("shape", [lambda value: value, as_object], ids=["dict", "object"])
@pytest.mark.parametrize(
    ("body", "usage", "model", "provider"),
    [
        (CHAT, Usage(70, 30, None, 30, 20), "gpt-4o-2024-08-06", "openai"),
        (
            {
                "object": "response",
                "model": "o3",
                "usage": {"input_tokens": 9, "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 4}},
            },
            Usage(9, None, None, 1, 4),
            "o3",
            "openai",
        ),
        (
            {"object": "list", "data": [], "model": "text-embedding-3-small", "usage": {"prompt_tokens": 8}},
            Usage(8),
            "text-embedding-3-small",
            "openai",
        ),
        (
            {
                "type": "message",
                "model": "claude-sonnet-4-5",
                "usage": {
                    "input_tokens": 10,
                    "output_tokens": 20,
                    "cache_read_input_tokens": 1000,
                    "cache_creation_input_tokens": 300,
                    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
                },
            },
            Usage(10, 1000, 100, 20, None, {"cache_write_1h_tokens": 200}),
            "claude-sonnet-4-5",
            "anthropic",
        ),
        (
            {
                "modelVersion": "gemini-2.5-pro",
                "usageMetadata": {
                    "promptTokenCount": 100,
                    "cachedContentTokenCount": 40,
                    "candidatesTokenCount": 10,
                    "thoughtsTokenCount": 5,
                    "toolUsePromptTokenCount": 7,
                },
            },
            Usage(67, 40, None, 10, 5),
            "gemini-2.5-pro",
            "gcp.gemini",
        ),
        (
            {"usage": {"inputTokens": 5, "outputTokens": 6, "cacheReadInputTokens": 100, "totalTokens": 111}},
            Usage(5, 100, None, 6),
            None,
            "aws.bedrock",
        ),
    ],
)
def test_shapes(shape: Any, body: Any, usage: Usage, model: str | None, provider: str | None) -> None:
    found = extract_usage(shape(body))
    assert found is not None
    assert (found.usage, found.model, found.provider) == (usage, model, provider)


class Hostile:
    @property
    def usage(self) -> object:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "value",
    [
        *(None, "text", 3, b"", [], {}, object(), Hostile()),
        *({"usage": usage} for usage in (None, "12", 5, {"prompt_tokens": "12"}, {"prompt_tokens": True})),
        {"usage": {"prompt_tokens": -3}},
    ],
)
def test_anything_else_is_no_response(value: object) -> None:
    assert extract_usage(value) is None


def test_a_stream_of_anthropic_keeps_the_first_input_and_the_last_output() -> None:
    found = extract_stream(
        [
            {
                "type": "message_start",
                "message": {
                    "id": "msg_1",
                    "type": "message",
                    "model": "claude-sonnet-4-5",
                    "usage": {"input_tokens": 25, "cache_read_input_tokens": 7, "output_tokens": 1},
                },
            },
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hi"}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 15}},
        ]
    )
    assert found is not None
    assert found.usage == Usage(25, 7, None, 15)
    assert (found.model, found.response_id, found.finish_reasons) == ("claude-sonnet-4-5", "msg_1", ("end_turn",))


def test_a_stream_without_usage_is_nothing() -> None:
    assert extract_stream(["a", "b"]) is None


@pytest.mark.parametrize(
    ("response", "tier"),
    [
        ({"model": "gpt-4o", "service_tier": "flex", "usage": {"prompt_tokens": 1, "completion_tokens": 1}}, "flex"),
        ({"model": "gpt-4o", "service_tier": "default", "usage": {"prompt_tokens": 1, "completion_tokens": 1}}, None),
        ({"type": "message", "usage": {"input_tokens": 1, "output_tokens": 1, "service_tier": "batch"}}, "batch"),
        ({"type": "message", "usage": {"input_tokens": 1, "output_tokens": 1, "service_tier": "standard"}}, None),
    ],
)
def test_the_class_of_service_is_read_where_it_is_not_the_standard_one(response: object, tier: str | None) -> None:
    found = extract_usage(response)
    assert found is not None
    assert found.service_tier == tier
    streamed = extract_stream([response])
    assert streamed is not None
    assert streamed.service_tier == tier
