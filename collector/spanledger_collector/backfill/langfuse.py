"""Langfuse's observations: from the export of the table, the blob storage export, or the API's pages.

Shapes: https://langfuse.com/docs/api-and-data-platform/features/blob-storage-export-fields and
https://langfuse.com/docs/api-and-data-platform/features/export-from-ui; `GET /api/public/observations`,
`/api/public/v2/observations` and `/api/public/traces/ID`, whose observations inherit the trace's user and session.

The spans are sent in Langfuse's own dialect, so that its tables read usage, kinds and content as they read them live.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from spanledger import semconv as s
from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.errors import RowRefused
from spanledger_collector.backfill.source import Source, names
from spanledger_collector.backfill.spans import Record, make
from spanledger_collector.normalise.dialects.langfuse import LANGFUSE as DIALECT
from spanledger_collector.normalise.values import json_text

_OBSERVATION: Final = "langfuse.observation."
_BILLABLE: Final = {kind for kind, ours in DIALECT.kinds.items() if ours in ("llm", "embedding")}
# Columns of older exports, as keys of usage details.
_OLD_USAGE: Final = {
    "input": ("prompt_tokens", "input_usage", "input_tokens"),
    "output": ("completion_tokens", "output_usage", "output_tokens"),
    "total": ("total_tokens", "total_usage"),
}
_NO_COUNT: Final = re.compile("^unit$|cost$", re.IGNORECASE)
_COSTS: Final = ("total_cost", "calculated_total_cost")


def read(row: Cells, customer: str) -> Record:
    """The observation's span, under its parent in its trace."""
    identity, trace, start = row.text("id"), row.text("trace_id"), row.moment("start_time")
    around = row.inside("trace")
    trace = trace or around.text("id")
    if not identity or not trace:
        raise RowRefused(f"it has no {'id' if not identity else 'traceId'}")
    if start is None:
        raise RowRefused("it has no startTime")
    end = row.moment("end_time")
    if end is not None and end < start:
        raise RowRefused(f"endTime {row.text('end_time')} is before startTime {row.text('start_time')}")
    kind = row.text("type").lower()
    if kind not in DIALECT.kinds:
        raise RowRefused(f"type is {row.text('type')!r}, not one of {', '.join(DIALECT.kinds).upper()}")
    billable = kind in _BILLABLE
    stated = _stated(row) if billable else None
    model = row.text("provided_model_name", "model")
    failed = row.text("level") == "ERROR"
    attributes: dict[str, Any] = {
        f"{_OBSERVATION}type": kind,
        f"{_OBSERVATION}model.name": model,
        f"{_OBSERVATION}usage_details": _usage(row) if billable else "",
        s.COST_USD: stated,
        s.RESPONSE_TIME_TO_FIRST_CHUNK: _first_chunk(row, start),
        f"{_OBSERVATION}input": row.content("input"),
        f"{_OBSERVATION}output": row.content("output"),
        f"{_OBSERVATION}prompt.name": row.text("prompt_name"),
        f"{_OBSERVATION}prompt.version": row.text("prompt_version"),
        s.USER_ID: row.text("user_id") or around.text("user_id"),
        s.CONVERSATION_ID: row.text("session_id") or around.text("session_id"),
        s.TAGS: row.words("tags", "trace_tags") or around.words("tags"),
        s.RELEASE: row.text("release") or around.text("release"),
        "langfuse.environment": row.text("environment") or around.text("environment"),
        s.CUSTOMER_ID: customer,
        f"{_OBSERVATION}metadata": row.content("metadata"),
        f"{s.METADATA_PREFIX}trace_name": row.text("trace_name") or around.text("name"),
        f"{s.METADATA_PREFIX}version": row.text("version"),
    }
    span = make(
        "langfuse",
        identity,
        row.text("name") or kind,
        start,
        attributes,
        end=end,
        trace=trace,
        parent=row.text("parent_observation_id"),
        error=row.text("status_message") if failed else None,
    )
    return Record(span, 1 if billable else 0, stated, scope=DIALECT.scopes[0])


def _usage(row: Cells) -> str:
    """Usage details as JSON; a count that is none is refused here, where it can be named."""
    details = row.inside("usage_details") or row.inside("usage")
    found: dict[str, Any] = {}
    for name in details:
        value = details.get(name)
        if isinstance(value, dict):
            found[name] = value
        elif value is not None and not _NO_COUNT.search(name):
            found[name] = details.count(name)
    # Where nothing is known the columns of older exports say 0.
    old = {name: row.count(*columns) for name, columns in _OLD_USAGE.items()}
    if not found and any(old.values()):
        found = {name: count for name, count in old.items() if count is not None}
    return json_text(found) if found else ""


def _stated(row: Cells) -> Decimal | None:
    """What Langfuse says it cost: the total, or the sum of the parts where there is none."""
    details = row.inside("cost_details")
    total = details.money("total")
    if total is None:
        parts = [part for name in details if (part := details.money(name)) is not None]
        total = sum(parts, Decimal(0)) if parts else row.money(*_COSTS)
    return total


def _first_chunk(row: Cells, start: int) -> float | None:
    first = row.moment("completion_start_time")
    return (first - start) / 1_000_000_000 if first is not None and first >= start else None


LANGFUSE = Source(
    name="langfuse",
    signs=names("id trace_id start_time type", "id trace start_time type"),
    read=read,
    without_usage=names("id timestamp session_id", "id timestamp user_id", "id timestamp tags"),
    instead="the observations (Tracing, then Observations, then Export), or the traces with their observations",
)
