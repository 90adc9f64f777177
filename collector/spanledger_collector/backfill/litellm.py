"""LiteLLM's spend logs: one row a call, from `GET /spend/logs`, its v2 pages, or the table LiteLLM_SpendLogs.

Shapes: https://docs.litellm.ai/docs/proxy/cost_tracking, and `model LiteLLM_SpendLogs` in LiteLLM's schema.prisma.

`spend` is what LiteLLM believes a call to cost and is kept as the client's cost; the price list prices the call anew.
An end user is LiteLLM's word for a customer, and becomes one.
"""

from __future__ import annotations

from typing import Any, Final

from spanledger import semconv as s
from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.errors import RowRefused
from spanledger_collector.backfill.source import Source, names
from spanledger_collector.backfill.spans import SERVICE_TIER, Record, make

_NS: Final = 1_000_000_000
# Parts of call_type -> operation; everything else is a chat.
_OPERATIONS: Final = {
    "embedding": "embeddings",
    "rerank": "rerank",
    "moderation": "moderation",
    "image": "generate_content",
    "speech": "generate_content",
    "transcription": "generate_content",
    "text_completion": "text_completion",
}
_DIMENSIONS: Final = ("model_group", "api_base", "organization_id", "call_type", "agent_id")


def read(row: Cells, customer: str) -> Record:
    """The row's span."""
    identity, start = row.text("request_id", "id"), row.moment("startTime")
    if not identity:
        raise RowRefused("it has no request_id")
    if start is None:
        raise RowRefused("it has no startTime")
    end, first = row.moment("endTime"), row.moment("completionStartTime")
    if end is not None and end < start:
        raise RowRefused(f"endTime {row.text('endTime')} is before startTime {row.text('startTime')}")
    metadata = row.inside("metadata")
    failed = "failure" in (row.text("status"), metadata.text("status"))
    call_type = row.text("call_type")
    operation = next((found for part, found in _OPERATIONS.items() if part in call_type), "chat")
    provider, model = _named(row)
    spend = row.money("spend", "response_cost")
    error = metadata.inside("error_information")
    attributes: dict[str, Any] = {
        s.OPERATION_NAME: operation,
        s.PROVIDER_NAME: provider,
        s.REQUEST_MODEL: model,
        s.RESPONSE_ID: identity,
        s.RESPONSE_TIME_TO_FIRST_CHUNK: _first_chunk(start, first, end),
        **_tokens(row, metadata),
        s.COST_USD: spend,
        s.CACHE_HIT: row.flag("cache_hit"),
        s.CUSTOMER_ID: customer or row.text("end_user"),
        s.USER_ID: row.text("user"),
        s.TEAM: metadata.text("user_api_key_team_alias") or row.text("team_id"),
        s.CONVERSATION_ID: row.text("session_id"),
        s.TAGS: row.words("request_tags") or metadata.words("tags"),
        s.ERROR_TYPE: error.text("error_class", "error_code") or ("failure" if failed else ""),
        SERVICE_TIER: metadata.inside("usage_object").text("service_tier"),
        f"{s.METADATA_PREFIX}api_key_alias": metadata.text("user_api_key_alias"),
        **{s.METADATA_PREFIX + name: row.text(name) for name in _DIMENSIONS},
        "gen_ai.prompt": row.content("messages") or row.inside("proxy_server_request").content("messages"),
        "gen_ai.completion": row.content("response"),
    }
    message = error.text("error_message") if failed else None
    span = make("litellm", identity, f"{operation} {model}".rstrip(), start, attributes, end=end, error=message)
    is_call = operation not in ("rerank", "moderation")
    return Record(span, 1 if is_call else 0, spend if is_call else None)


def _named(row: Cells) -> tuple[str, str]:
    """(provider, model): the router's prefix is the provider, where it is not told beside."""
    provider, model = row.text("custom_llm_provider"), row.text("model") or row.text("model_group")
    if provider:
        return provider, model.removeprefix(f"{provider}/")
    return ("litellm" if "/" in model else ""), model


def _tokens(row: Cells, metadata: Cells) -> dict[str, Any]:
    """Counts as LiteLLM unifies them: prompt tokens include what was cached, completion tokens the reasoning."""
    prompt, completion = row.count("prompt_tokens"), row.count("completion_tokens")
    if not any((prompt, completion, row.count("total_tokens"))):
        return {}  # the columns' default, where a call failed or is counted in something else
    told = [metadata.inside("additional_usage_values"), metadata.inside("usage_object")]
    given = [each.inside("prompt_tokens_details") for each in told]
    made = [each.inside("completion_tokens_details") for each in told]
    return {
        s.USAGE_INPUT_TOKENS: prompt,
        s.USAGE_OUTPUT_TOKENS: completion,
        s.USAGE_CACHE_READ_TOKENS: _one_of((told, "cache_read_input_tokens"), (given, "cached_tokens")),
        s.USAGE_CACHE_WRITE_TOKENS: _one_of((told, "cache_creation_input_tokens"), (given, "cache_creation_tokens")),
        s.USAGE_REASONING_TOKENS: _one_of((made, "reasoning_tokens")),
        s.USAGE_AUDIO_INPUT_TOKENS: _one_of((given, "audio_tokens")),
        s.USAGE_AUDIO_OUTPUT_TOKENS: _one_of((made, "audio_tokens")),
        f"{s.USAGE_OTHER_PREFIX}web_searches": told[0].inside("server_tool_use").count("web_search_requests"),
    }


def _one_of(*places: tuple[list[Cells], str]) -> int | None:
    found = [each.count(name) for cells, name in places for each in cells]
    return next((count for count in found if count), next((count for count in found if count is not None), None))


def _first_chunk(start: int, first: int | None, end: int | None) -> float | None:
    # Without streaming LiteLLM writes the end here: that is no first chunk.
    return (first - start) / _NS if first is not None and start < first and first != end else None


LITELLM = Source(
    name="litellm",
    signs=names("request_id startTime spend", "request_id startTime call_type", "id startTime response_cost"),
    read=read,
    without_usage=names("group_by_day teams", "date spend users", "date metrics"),
    instead="GET /spend/logs?summarize=false, or the table LiteLLM_SpendLogs",
)
