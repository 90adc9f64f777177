"""The shape of what is written: one list of column names per table, and blocks that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

SPAN_COLUMNS = (
    "project_id", "trace_id", "span_id", "parent_span_id", "name", "kind", "operation", "start_time", "duration_ns",
    "ttft_ns", "status", "error_type", "status_message", "provider", "request_model", "model", "response_id",
    "finish_reason", "customer", "user", "session", "feature", "team", "environment", "release", "service",
    "prompt_name", "prompt_version", "tags", "metadata", "input_tokens", "cache_read_tokens", "cache_write_tokens",
    "output_tokens", "reasoning_tokens", "other_tokens", "cost_usd", "input_cost_usd", "cache_read_cost_usd",
    "cache_write_cost_usd", "output_cost_usd", "other_cost_usd", "client_cost_usd", "price_source", "is_billable",
    "cache_hit", "attributes", "input_preview", "output_preview", "dialect", "warnings", "ingest_key", "ingested_at",
    "call_count",
)  # fmt: skip
CONTENT_COLUMNS = (
    "project_id", "trace_id", "span_id", "start_time", "input", "output", "system_instructions", "tool_definitions",
    "input_length", "output_length", "attributes", "resource", "scope_name", "scope_version", "events", "links",
    "ingested_at",
)  # fmt: skip
EMBEDDING_COLUMNS = ("project_id", "trace_id", "span_id", "start_time", "model", "vector", "ingested_at")

HOUR_NS = 3_600_000_000_000
_PROJECT, _START = SPAN_COLUMNS.index("project_id"), SPAN_COLUMNS.index("start_time")


@dataclass(slots=True)
class SpanBatch:
    """Rows for one write, as tuples in the order of the column lists; times are UTC nanoseconds.

    `token` names the batch: the same batch written again is stored once.
    """

    token: str
    spans: list[tuple[Any, ...]] = field(default_factory=list)
    content: list[tuple[Any, ...]] = field(default_factory=list)
    embeddings: list[tuple[Any, ...]] = field(default_factory=list)

    def hours(self) -> set[tuple[str, datetime]]:
        """Every (project, UTC hour) that holds one of the spans."""
        return hours_of((row[_PROJECT], row[_START]) for row in self.spans)


def hours_of(starts: Iterable[tuple[str, int]]) -> set[tuple[str, datetime]]:
    """(project, start in UTC nanoseconds) pairs, brought to full hours."""
    found = {(project, start // HOUR_NS) for project, start in starts}
    return {(project, datetime.fromtimestamp(hour * 3600, UTC)) for project, hour in found}


def columnar(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, Sequence[Any]]:
    """Rows turned into one sequence per column, as the engine takes them."""
    return dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
