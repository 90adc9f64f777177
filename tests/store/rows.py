"""Rows for the store's tests."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

from spanledger_store.columns import CONTENT_COLUMNS, EMBEDDING_COLUMNS, SPAN_COLUMNS

DEFAULTS: dict[str, Any] = {
    "project_id": "default", "trace_id": "0" * 31 + "1", "span_id": "0" * 15 + "1", "parent_span_id": "",
    "name": "chat gpt-4o", "kind": "llm", "operation": "chat", "start_time": 1_780_000_000_000_000_000,
    "duration_ns": 1_000_000_000, "ttft_ns": None, "status": "ok", "provider": "openai", "request_model": "gpt-4o",
    "model": "gpt-4o", "customer": "acme", "feature": "chat", "team": "core", "environment": "production",
    "tags": [], "metadata": {}, "input_tokens": 100, "cache_read_tokens": None, "cache_write_tokens": None,
    "output_tokens": 50, "reasoning_tokens": None, "other_tokens": {}, "cost_usd": Decimal("0.00075"),
    "input_cost_usd": Decimal("0.00025"), "cache_read_cost_usd": Decimal(0), "cache_write_cost_usd": Decimal(0),
    "output_cost_usd": Decimal("0.0005"), "other_cost_usd": Decimal(0), "client_cost_usd": None,
    "price_source": "test", "is_billable": True, "cache_hit": None, "attributes": {}, "warnings": [],
    "call_count": 1,
}  # fmt: skip


def span_row(**values: Any) -> tuple[Any, ...]:
    """A billable call; every column may be set."""
    held = {**DEFAULTS, "ingested_at": time.time_ns(), **values}
    return tuple(held.get(name, "") for name in SPAN_COLUMNS)


def content_row(**values: Any) -> tuple[Any, ...]:
    """The content of the span that `span_row` makes."""
    defaults = {"input_length": 0, "output_length": 0, "attributes": {}, "resource": {}}
    held = {**DEFAULTS, **defaults, "ingested_at": time.time_ns(), **values}
    return tuple(held.get(name, "") for name in CONTENT_COLUMNS)


def embedding_row(**values: Any) -> tuple[Any, ...]:
    """A vector of the span that `span_row` makes."""
    held = {**DEFAULTS, "ingested_at": time.time_ns(), "vector": [0.5, 1.0], **values}
    return tuple(held.get(name, "") for name in EMBEDDING_COLUMNS)
