"""Grids: AG Grid Community with texts made by the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_ag_grid as dag
from dash import html
from dash.development.base_component import Component

from spanledger_dashboard.parts.basics import wild

Column = dict[str, Any]
MAX_TALL = 30


def name_column(field: str, header: str, **more: Any) -> Column:
    """What a row is about; a row about nobody says so."""
    return {
        "field": field,
        "headerName": header,
        "flex": 2,
        "minWidth": 150,
        "valueFormatter": {"function": "named(params)"},
        "cellClassRules": {"name": "params.value", "muted": "!params.value"},
        **more,
    }


def text_column(field: str, header: str, **more: Any) -> Column:
    """A secondary text."""
    return {"field": field, "headerName": header, "flex": 1.2, "minWidth": 90, "cellClass": "dim", **more}


def number_column(field: str, header: str, **more: Any) -> Column:
    """A number sorted as one and shown as `FIELD_text`."""
    return {
        "field": field,
        "headerName": header,
        "type": "rightAligned",
        "flex": 1,
        "minWidth": 84,
        "valueFormatter": {"function": "text(params)"},
        "cellClass": "ag-right-aligned-cell num",
        **more,
    }


BAR = {"function": "bar(params)"}
"""A cell style: a bar behind the number, as long as the row's `share`."""


def grid(
    name: str,
    columns: Sequence[Column],
    rows: Sequence[dict[str, Any]],
    label: str,
    total: dict[str, Any] | None = None,
) -> Component:
    """A sortable grid as tall as its rows, up to a screenful; `total` stays below them."""
    tall = len(rows) > MAX_TALL
    options: dict[str, Any] = {
        "rowHeight": 34,
        "headerHeight": 34,
        "domLayout": "normal" if tall else "autoHeight",
        "animateRows": False,
    }
    if total is not None:
        options["pinnedBottomRowData"] = [total]
    return html.Div(
        dag.AgGrid(
            id=name,
            rowData=list(rows),
            columnDefs=list(columns),
            getRowId="params.data.id",
            defaultColDef={"sortable": True, "resizable": True, "suppressHeaderMenuButton": True},
            dashGridOptions=options,
            style={"width": "100%", "height": 34 * (MAX_TALL + 3) if tall else None},
        ),
        className="grid",
        role="region",
        **wild({"aria-label": label}),
    )
