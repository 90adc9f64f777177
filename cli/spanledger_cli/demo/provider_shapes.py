"""Responses as the providers' client packages give them, so that the SDK reads usage the way it does in an app."""

from __future__ import annotations

from typing import Any

from spanledger.usage import Usage
from spanledger_cli.demo.plans import SpanPlan

Response = dict[str, Any]


def response(plan: SpanPlan, identity: str) -> Response:
    """The whole response of an LLM call that succeeds."""
    text, usage = plan.output or "", plan.usage or Usage()
    if plan.provider == "anthropic":
        return {
            "id": f"msg_{identity}",
            "type": "message",
            "role": "assistant",
            "model": plan.model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": _ANTHROPIC_STOPS.get(plan.finish_reason or "", "end_turn"),
            "usage": _anthropic_usage(usage),
        }
    if plan.provider == "gcp.gemini":
        return {
            "response_id": identity,
            "model_version": plan.model,
            "candidates": [
                {
                    "content": {"role": "model", "parts": [{"text": text}]},
                    "finish_reason": (plan.finish_reason or "stop").upper(),
                }
            ],
            "usage_metadata": _google_usage(usage),
        }  # fmt: skip
    return {
        "id": f"chatcmpl-{identity}",
        "object": "chat.completion",
        "model": plan.model,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": plan.finish_reason}
        ],
        "usage": _openai_usage(usage),
    }


def chunks(plan: SpanPlan, identity: str) -> tuple[Response, ...]:
    """The same response as a short stream; the first chunk is the first token."""
    text, usage = plan.output or "", plan.usage or Usage()
    middle = len(text) // 2
    if plan.provider == "anthropic":
        whole = response(plan, identity)
        opening = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
        return (
            {"type": "message_start", "message": opening},
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text[:middle]}},
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text[middle:]}},
            {
                "type": "message_delta",
                "delta": {"stop_reason": whole["stop_reason"]},
                "usage": {"output_tokens": whole["usage"]["output_tokens"]},
            },
        )
    head = {"id": f"chatcmpl-{identity}", "object": "chat.completion.chunk", "model": plan.model}
    return (
        {**head, "choices": [{"index": 0, "delta": {"content": text[:middle]}}]},
        {**head, "choices": [{"index": 0, "delta": {"content": text[middle:]}, "finish_reason": plan.finish_reason}]},
        {**head, "choices": [], "usage": _openai_usage(usage)},
    )


def embeddings(plan: SpanPlan) -> Response:
    """The response of an embedding call, without the numbers: the SDK never sends those."""
    usage = plan.usage or Usage()
    return {
        "object": "list",
        "model": plan.model,
        "data": [{"object": "embedding", "index": 0}],
        "usage": {"prompt_tokens": usage.total_input, "total_tokens": usage.total_input},
    }


_ANTHROPIC_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def _anthropic_usage(usage: Usage) -> Response:
    return {
        "input_tokens": usage.input_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens or 0,
        "cache_creation_input_tokens": usage.cache_write_tokens or 0,
        "output_tokens": usage.total_output,
    }


def _openai_usage(usage: Usage) -> Response:
    shaped: Response = {"prompt_tokens": usage.total_input, "completion_tokens": usage.total_output}
    if usage.cache_read_tokens is not None:
        shaped["prompt_tokens_details"] = {"cached_tokens": usage.cache_read_tokens}
    if usage.reasoning_tokens is not None:
        shaped["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return shaped


def _google_usage(usage: Usage) -> Response:
    return {
        "prompt_token_count": usage.total_input,
        "cached_content_token_count": usage.cache_read_tokens,
        "candidates_token_count": usage.output_tokens,
        "thoughts_token_count": usage.reasoning_tokens,
    }
