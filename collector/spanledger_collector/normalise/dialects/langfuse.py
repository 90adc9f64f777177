"""Langfuse's SDKs."""

from __future__ import annotations

from spanledger_collector.normalise.dialect import Dialect

_OBSERVATION = "langfuse.observation."

LANGFUSE = Dialect(
    name="langfuse",
    scopes=("langfuse-sdk", "langfuse", "@langfuse/"),
    keys=(_OBSERVATION, "langfuse.trace."),
    fields={
        "kind": (f"{_OBSERVATION}type",),
        "request_model": (f"{_OBSERVATION}model.name",),
        "usage": (f"{_OBSERVATION}usage_details",),
        "costs": (f"{_OBSERVATION}cost_details",),
        "first_chunk_at": (f"{_OBSERVATION}completion_start_time",),
        "input": (f"{_OBSERVATION}input",),
        "output": (f"{_OBSERVATION}output",),
        "user": ("user.id", "langfuse.user.id"),
        "session": ("session.id", "langfuse.session.id"),
        "tags": ("langfuse.trace.tags",),
        "environment": ("langfuse.environment",),
        "release": ("langfuse.release",),
        "prompt_name": (f"{_OBSERVATION}prompt.name",),
        "prompt_version": (f"{_OBSERVATION}prompt.version",),
        "metadata": (f"{_OBSERVATION}metadata", "langfuse.trace.metadata"),
    },
    kinds={
        "generation": "llm",
        "embedding": "embedding",
        "span": "span",
        "event": "span",
        "agent": "agent",
        "tool": "tool",
        "chain": "chain",
        "retriever": "retrieval",
        "evaluator": "evaluator",
        "guardrail": "guardrail",
    },
    inside={
        "usage": {
            "input_tokens": ("input", "prompt_tokens", "input_tokens"),
            "output_tokens": ("output", "completion_tokens", "output_tokens"),
            "total_tokens": ("total", "total_tokens"),
            "cache_read_tokens": (
                "cache_read_input_tokens", "input_cached_tokens", "input_cache_read", "cached_tokens",
                "prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens",
            ),
            "cache_write_tokens": ("cache_creation_input_tokens", "input_cache_creation", "cache_write_input_tokens"),
            "reasoning_tokens": (
                "output_reasoning_tokens", "output_reasoning", "completion_tokens_details.reasoning_tokens",
                "output_tokens_details.reasoning_tokens",
            ),
            "input_audio_tokens": ("input_audio_tokens", "input_audio", "prompt_tokens_details.audio_tokens"),
            "output_audio_tokens": ("output_audio_tokens", "output_audio", "completion_tokens_details.audio_tokens"),
        },
        "costs": {"client_cost": ("total",)},
    },
    # In Langfuse's own words the buckets add up to the total; OpenAI's words inside it mean what OpenAI means.
    exclusive={f"{_OBSERVATION}usage_details.input": ("",), f"{_OBSERVATION}usage_details.output": ("",)},
    metadata=(f"{_OBSERVATION}metadata.", "langfuse.trace.metadata."),
)  # fmt: skip
