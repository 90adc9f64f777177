"""Columns and rows of the list of traces."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

from spanledger_dashboard import fmt
from spanledger_dashboard.parts.table import name_column, number_column, text_column
from spanledger_dashboard.view import View

COLUMNS: list[dict[str, Any]] = [
    text_column("time", "Began", minWidth=132, flex=1.2, cellClass="num"),
    name_column("name", "Root span", minWidth=150),
    text_column("status", "Status", minWidth=82, flex=0.7, cellRenderer="TraceStatus"),
    number_column("duration", "Duration", minWidth=80, flex=0.8),
    number_column("cost", "Cost", minWidth=108, flex=0.8),
    number_column("tokens", "Tokens", minWidth=118),
    name_column("customer", "Customer", minWidth=120, flex=1.2, cellClassRules={"muted": "!params.value"}),
    text_column("models", "Models", minWidth=110, flex=1.5),
    number_column("spans", "Spans", minWidth=62, flex=0.5),
    name_column("feature", "Feature", minWidth=120, flex=1.2, cellClassRules={"muted": "!params.value"}),
]


def record(view: View, row: dict[str, Any]) -> dict[str, Any]:
    """A trace as the grid takes it."""
    started = row["started"] if row["started"].tzinfo else row["started"].replace(tzinfo=UTC)
    errors = row["error_count"]
    return {
        "id": row["trace_id"],
        "href": view.href(f"/trace/{row['trace_id']}"),
        "time": fmt.moment(started, view.zone).rpartition(".")[0],
        "name": row["root_name"],
        "none": fmt.UNATTRIBUTED,
        "errors": errors,
        "status": f"{errors} error{'s' if errors > 1 else ''}" if errors else "ok",
        "duration": row["duration"],
        "duration_text": fmt.duration(row["duration"]),
        "cost_text": cost(row["cost"], row["call_count"], row["unpriced_count"]),
        "tokens_text": flow(row["tokens_in"], row["tokens_out"]) if row["call_count"] else fmt.DASH,
        "models": ", ".join(row["models"]),
        "customer": row["trace_customer"],
        "feature": row["trace_feature"],
        "spans": row["span_count"],
    }


def cost(priced: Decimal, calls: int, unpriced: int) -> str:
    """What a trace cost, as far as that is known: `≥` where some of its calls have no price."""
    if not calls:
        return fmt.DASH
    if unpriced == calls:
        return "unpriced"
    return ("≥ " if unpriced else "") + fmt.money(priced)


def flow(sent: int, received: int) -> str:
    """Tokens sent and received: `11.8k → 1.2k`."""
    return f"{fmt.tokens(sent)} → {fmt.tokens(received)}"
