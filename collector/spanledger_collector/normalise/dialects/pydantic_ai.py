"""pydantic-ai and Logfire's own instrumentations: OpenTelemetry's names, with content and roll-ups of their own."""

from __future__ import annotations

from spanledger_collector.normalise.dialect import Dialect

_DETAILS = "gen_ai.usage.details."

PYDANTIC_AI = Dialect(
    name="pydantic_ai",
    scopes=("pydantic-ai", "pydantic_ai", "logfire"),
    keys=("pydantic_ai.", "logfire.", _DETAILS),
    fields={
        # The details repeat the top-level counts: they are read only where a count is missing, and never added.
        "cache_read_tokens": (
            "gen_ai.usage.cache_read.input_tokens",
            f"{_DETAILS}cache_read_tokens",
            f"{_DETAILS}cached_tokens",
            f"{_DETAILS}cache_read_input_tokens",
        ),
        "cache_write_tokens": (
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            f"{_DETAILS}cache_write_tokens",
            f"{_DETAILS}cache_creation_input_tokens",
        ),
        "reasoning_tokens": (
            "gen_ai.usage.reasoning.output_tokens",
            f"{_DETAILS}reasoning_tokens",
            f"{_DETAILS}thoughts_tokens",
        ),
        "usage": ("gen_ai.usage.raw",),
        "answer": ("response_data",),
        "client_cost": ("operation.cost",),
        "tags": ("logfire.tags",),
        "input": ("gen_ai.input.messages", "pydantic_ai.all_messages", "tool_arguments", "request_data"),
        "output": ("gen_ai.output.messages", "final_result", "tool_response"),
        "message_events": ("events", "all_messages_events"),
    },
    kinds={"thinking": "span"},
    # Version 1 of its format named no operation on agents, whose totals repeat those of their calls.
    hints={"agent_name": "agent", "gen_ai.tool.name": "tool", "tool_arguments": "tool"},
    inside={
        "usage": {
            "cache_read_tokens": ("prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens"),
            "reasoning_tokens": (
                "completion_tokens_details.reasoning_tokens",
                "output_tokens_details.reasoning_tokens",
            ),
        },
        "answer": {
            "output": ("message", "combined_chunk_content"),
            "input_tokens": ("usage.prompt_tokens", "usage.input_tokens"),
            "output_tokens": ("usage.completion_tokens", "usage.output_tokens"),
            "cache_read_tokens": (
                "usage.prompt_tokens_details.cached_tokens",
                "usage.input_tokens_details.cached_tokens",
            ),
        },
    },
)
