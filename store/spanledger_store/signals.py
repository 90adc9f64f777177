"""Writing what comes beside spans: log records, scores and metric points; then the marks of what is to be joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spanledger_store.columns import HOUR_NS, columnar
from spanledger_store.control import Control, joins
from spanledger_store.control.joins import Waiting
from spanledger_store.engine import Engine

LOG_COLUMNS = (
    "project_id", "time", "digest", "trace_id", "span_id", "event_name", "severity", "response_id", "body",
    "body_length", "attributes", "resource", "scope_name", "position", "role", "input", "output",
    "system_instructions", "tool_definitions", "input_length", "output_length", "input_preview", "output_preview",
    "ingest_key", "ingested_at",
)  # fmt: skip
SCORE_COLUMNS = (
    "project_id", "trace_id", "span_id", "session", "name", "time", "value", "label", "explanation", "source",
    "ingested_at",
)  # fmt: skip
METRIC_COLUMNS = (
    "project_id", "name", "time", "series", "start_time", "kind", "temporality", "monotonic", "unit", "operation",
    "provider", "model", "token_type", "error_type", "service", "value", "count", "sum", "min", "max", "bounds",
    "buckets", "scale", "zero_count", "positive_offset", "negative_offset", "negative_buckets", "attributes",
    "resource", "scope_name", "ingest_key", "ingested_at",
)  # fmt: skip
TABLES: Mapping[str, Sequence[str]] = {
    "score_rows": SCORE_COLUMNS,
    "log_rows": LOG_COLUMNS,
    "metric_rows": METRIC_COLUMNS,
}

_LOG = {name: index for index, name in enumerate(LOG_COLUMNS)}
_CONTENT = tuple(_LOG[name] for name in ("input", "output", "system_instructions", "tool_definitions"))


@dataclass(slots=True)
class SignalBatch:
    """Rows for one write, by table, as tuples in the order of its columns; times are UTC nanoseconds.

    `token` names the batch: the same batch written again is stored once.
    """

    token: str
    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: {table: [] for table in TABLES})

    def __len__(self) -> int:
        return sum(len(held) for held in self.rows.values())

    def halves(self) -> list[SignalBatch]:
        """The batch in two, each with a token of its own."""
        flat = [(table, row) for table, held in self.rows.items() for row in held]
        found: list[SignalBatch] = []
        for number, part in enumerate((flat[: len(flat) // 2], flat[len(flat) // 2 :])):
            half = SignalBatch(f"{self.token}-{number}")
            for table, row in part:
                half.rows[table].append(row)
            found.append(half)
        return found


def write(engine: Engine, control: Control, batch: SignalBatch) -> None:
    """Store the batch; when this returns its rows are visible, and what they tell of spans will be joined to them.

    May be repeated after any failure, at any point: a record's identity makes it one row, and a mark is made only
    after its rows can be seen.
    """
    for table, names in TABLES.items():
        engine.insert(table, columnar(names, batch.rows[table]), batch.token)
    joins.mark(control, awaiting(batch.rows["log_rows"]))


def awaiting(logs: Sequence[tuple[Any, ...]]) -> set[Waiting]:
    """What of these log rows has a span to be joined to: contents by trace, and records that name only a response."""
    found: set[Waiting] = set()
    for row in logs:
        hour = row[_LOG["time"]] // HOUR_NS
        if trace := row[_LOG["trace_id"]]:
            if row[_LOG["span_id"]] and any(row[index] for index in _CONTENT):
                found.add(Waiting(row[0], hour, "trace", trace))
        elif response := row[_LOG["response_id"]]:
            found.add(Waiting(row[0], hour, "response", response))
    return found
