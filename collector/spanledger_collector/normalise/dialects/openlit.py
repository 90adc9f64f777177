"""OpenLIT: OpenTelemetry's names, and some of its own for money, time and users."""

from __future__ import annotations

from spanledger_collector.normalise.dialect import Dialect

OPENLIT = Dialect(
    name="openlit",
    scopes=("openlit",),
    keys=("openlit.", "gen_ai.usage.cost"),
    fields={
        "cache_read_tokens": (
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.prompt_tokens_details.cached_tokens",
            "gen_ai.usage.prompt_tokens_details.cache_read",
        ),
        "cache_write_tokens": (
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.prompt_tokens_details.cache_creation_tokens",
            "gen_ai.usage.prompt_tokens_details.cache_write",
        ),
        "reasoning_tokens": (
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "gen_ai.usage.completion_tokens_details.reasoning_tokens",
            "gen_ai.usage.completion_tokens_details.reasoning",
        ),
        "client_cost": ("gen_ai.usage.cost",),
        "ttft_ns": ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"),
        "user": ("gen_ai.request.user", "gen_ai.user.id", "user.id"),
        "session": ("gen_ai.conversation.id", "gen_ai.session.id"),
    },
    kinds={
        "image": "llm",
        "audio": "llm",
        "text_to_speech": "llm",
        "speech_to_text": "llm",
        "vectordb": "db",
        "framework": "chain",
        "agent": "agent",
        "task": "chain",
        "execute_task": "chain",
        "mcp_tool_call": "tool",
    },
    # It passes on what these providers call input, and they leave cached tokens out of it.
    exclusive={"gen_ai.usage.input_tokens": ("anthropic", "aws.bedrock")},
)
