"""Exports as the sources' documentation describes them, with figures of our own.

The shapes follow the pages named in the modules of `spanledger_collector.backfill`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DAY = 86_400
NEW_YEAR = 1_767_225_600  # 2026-01-01T00:00:00Z


def openai_result(**values: Any) -> dict[str, Any]:
    """One group of a bucket of completions."""
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": 1_000_003,
        "input_cached_tokens": 300_001,
        "output_tokens": 70_007,
        "input_audio_tokens": 0,
        "output_audio_tokens": 0,
        "num_model_requests": 411,
        "project_id": "proj_a",
        "user_id": None,
        "api_key_id": "key_1",
        "model": "gpt-4o-2024-08-06",
        "batch": None,
        "service_tier": None,
    } | values


def openai_page(*buckets: list[dict[str, Any]], **page: Any) -> dict[str, Any]:
    """A page of daily buckets from the first of January on."""
    return {
        "object": "page",
        "data": [
            {
                "object": "bucket",
                "start_time": NEW_YEAR + number * DAY,
                "end_time": NEW_YEAR + (number + 1) * DAY,
                "results": results,
            }
            for number, results in enumerate(buckets)
        ],
        "has_more": False,
        "next_page": None,
    } | page


def anthropic_result(**values: Any) -> dict[str, Any]:
    """One group of a bucket of messages."""
    return {
        "account_id": None,
        "api_key_id": "apikey_1",
        "cache_creation": {"ephemeral_1h_input_tokens": 4_001, "ephemeral_5m_input_tokens": 9_003},
        "cache_read_input_tokens": 800_009,
        "context_window": "0-200k",
        "inference_geo": None,
        "model": "claude-sonnet-4-5",
        "output_tokens": 50_021,
        "server_tool_use": {"web_search_requests": 7},
        "service_account_id": None,
        "service_tier": "standard",
        "uncached_input_tokens": 410_011,
        "workspace_id": "wrkspc_a",
    } | values


def anthropic_page(*buckets: list[dict[str, Any]]) -> dict[str, Any]:
    """A page of daily buckets from the first of January on."""
    return {
        "data": [
            {
                "starting_at": f"2026-01-{number + 1:02}T00:00:00Z",
                "ending_at": f"2026-01-{number + 2:02}T00:00:00Z",
                "results": results,
            }
            for number, results in enumerate(buckets)
        ],
        "has_more": False,
        "next_page": None,
    }


def litellm_row(number: int = 1, **values: Any) -> dict[str, Any]:
    """One row of the spend logs."""
    return {
        "request_id": f"chatcmpl-{number}",
        "call_type": "acompletion",
        "api_key": "0f" * 32,
        "spend": 0.0012345,
        "total_tokens": 1_300,
        "prompt_tokens": 1_000,
        "completion_tokens": 300,
        "startTime": f"2026-01-02T08:{number:02}:00.250000Z",
        "endTime": f"2026-01-02T08:{number:02}:03.250000Z",
        "completionStartTime": f"2026-01-02T08:{number:02}:00.750000Z",
        "model": "gpt-4o",
        "model_id": "f00",
        "model_group": "smart",
        "custom_llm_provider": "openai",
        "api_base": "https://api.openai.com",
        "user": "ann",
        "metadata": {
            "user_api_key_alias": "shop",
            "additional_usage_values": {"prompt_tokens_details": {"cached_tokens": 400}},
            "usage_object": {"completion_tokens_details": {"reasoning_tokens": 64}},
        },
        "cache_hit": "False",
        "cache_key": "Cache OFF",
        "request_tags": ["checkout", "eu"],
        "team_id": "team-1",
        "end_user": "acme",
        "session_id": "s-1",
        "status": "success",
        "messages": [{"role": "user", "content": "hello"}],
        "response": {"choices": [{"message": {"role": "assistant", "content": "good day"}}]},
    } | values


def langfuse_row(number: int = 1, **values: Any) -> dict[str, Any]:
    """One observation, as the API tells it."""
    return {
        "id": f"obs-{number}",
        "traceId": "trace-1",
        "type": "GENERATION",
        "name": "write",
        "startTime": f"2026-01-03T08:{number:02}:00.250Z",
        "endTime": f"2026-01-03T08:{number:02}:02.250Z",
        "completionStartTime": f"2026-01-03T08:{number:02}:01.250Z",
        "model": "gpt-4o",
        "modelParameters": {"temperature": 0.7},
        "input": [{"role": "user", "content": "hello"}],
        "output": {"role": "assistant", "content": "good day"},
        "usageDetails": {"input": 700, "input_cached_tokens": 300, "output": 200, "total": 1_200},
        "costDetails": {"input": 0.0017, "output": 0.002, "total": 0.0037},
        "level": "DEFAULT",
        "statusMessage": None,
        "parentObservationId": None,
        "promptName": "support",
        "promptVersion": 3,
        "environment": "production",
        "metadata": {"tenant": "acme"},
    } | values


def written(path: Path, document: Any) -> Path:
    """The document in a file, as JSON; a list of rows as JSON lines where the file is called so."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in document), encoding="utf-8")
    else:
        path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path
