"""The table of the Spend page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.parts.table import BAR, grid, name_column, number_column
from spanledger_store.reports.calls import COST_CLASSES, TOKEN_CLASSES, Totals

NAMES = {
    "input": "Input",
    "cache_read": "Cached",
    "cache_write": "Cache write",
    "output": "Output",
    "reasoning": "Reasoning",
    "other": "Other",
}
STEEP = 0.2
# Classes that are often empty are shown only where they are not.
ALWAYS = frozenset({"input", "cache_read", "output"})


def spend_grid(
    header: str,
    total: Totals,
    rows: Mapping[str, Totals],
    prior: Mapping[str, Totals],
    href: Callable[[str], str],
) -> Component:
    """Spend, share, change, calls, tokens and cost by class per value, over a line of totals."""
    top = max((float(row.priced_cost) for row in rows.values()), default=0.0) or 1.0
    columns = [
        name_column("label", header, pinned="left", minWidth=160),
        number_column("spend", "Spend", sort="desc", minWidth=104, cellStyle=BAR),
        number_column("part", "Share", minWidth=72),
    ]
    if prior:
        columns.append(
            number_column("change", "Change", minWidth=80, cellClassRules={"bad": f"params.value > {STEEP}"})
        )
    columns += [number_column("calls", "Calls", minWidth=80), number_column("unpriced", "Unpriced", minWidth=84)]
    columns += [
        number_column(f"tokens_{name}", f"{NAMES[name]} tok", minWidth=96)
        for name in TOKEN_CLASSES
        if name in ALWAYS or total.tokens[name]
    ]
    columns += [
        number_column(f"cost_{name}", f"{NAMES[name]} $", minWidth=88)
        for name in COST_CLASSES
        if name in ALWAYS or total.costs[name]
    ]
    body = [record(label, row, total, prior.get(label), top) | {"href": href(label)} for label, row in rows.items()]
    last = record("Total", total, total, None, top) | {"share": 0}
    return grid("spend-grid", columns, body, f"Spend by {header.lower()}", last)


def record(label: str, row: Totals, total: Totals, before: Totals | None, top: float) -> dict[str, Any]:
    """One row as the grid takes it: numbers to sort by, texts to show."""
    part = float(row.priced_cost / total.priced_cost) if total.priced_cost else None
    change = fmt.change(float(row.priced_cost), float(before.priced_cost)) if before else None
    found: dict[str, Any] = {
        "id": label or "(none)",
        "label": label,
        "none": fmt.UNATTRIBUTED,
        "share": float(row.priced_cost) / top,
        "spend": float(row.priced_cost),
        "spend_text": fmt.money(row.cost, "unpriced"),
        "part": part,
        "part_text": fmt.share(part),
        "change": change,
        "change_text": fmt.signed(change),
        "calls": row.calls,
        "calls_text": fmt.count(row.calls),
        "unpriced": row.unpriced_calls,
        "unpriced_text": fmt.count(row.unpriced_calls),
    }
    for name in TOKEN_CLASSES:
        found[f"tokens_{name}"] = row.tokens[name]
        found[f"tokens_{name}_text"] = fmt.tokens(row.tokens[name])
    for name in COST_CLASSES:
        known = None if row.cost is None else row.costs[name]
        found[f"cost_{name}"] = None if known is None else float(known)
        found[f"cost_{name}_text"] = fmt.money(known)
    return found
