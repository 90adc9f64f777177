"""Who used what, on the Spend page: customers by models, the darker the dearer, with everything in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.parts.basics import card, switch
from spanledger_dashboard.parts.sheet import Column, sheet
from spanledger_dashboard.view import View, written
from spanledger_store.reports.crossing import Cell, Crossing
from spanledger_store.scope import Dimension

ROWS = {"customer": "Customer", "feature": "Feature", "team": "Team"}
COLUMN = Dimension.MODEL


async def render(data: Data, view: View) -> Sequence[Any]:
    """The card; nothing where there are no calls, or the books cannot answer for such a range or filter."""
    rows = Dimension(view.choice("rows", ROWS, "customer"))
    try:
        found = await data.crossing(view.scope, rows, COLUMN)
    except ValueError:
        return [[]]
    return [[] if not found.total.calls else matrix_card(view, rows, found)]


def matrix_card(view: View, rows: Dimension, found: Crossing) -> Component:
    """A table of amounts whose ground says how large they are beside each other."""
    peak = max((float(cell.priced_cost) for cell in found.cells.values()), default=0.0)
    name = ROWS[rows.value]
    columns = [Column(name, number=False), *(Column(label(each, found.more[1])) for each in found.columns)]
    columns += [Column("Total"), Column("Unpriced calls", hint="Their cost is unknown, not zero")]
    lines = [
        [
            heading(view, rows, row, found.more[0]),
            *(square(view, rows, row, column, found.cells.get((row, column)), peak) for column in found.columns),
            shown(found.row_sums[row]),
            unpriced(found.row_sums[row]),
        ]
        for row in found.rows
    ]
    total = ["Total", *(shown(found.column_sums[each]) for each in found.columns), shown(found.total),
             unpriced(found.total)]  # fmt: skip
    title = f"{name}s by model"
    return card(
        title,
        html.Div(sheet(columns, lines, title, total=total), className="cb matrix"),
        right=[switch("Rows", ROWS, rows.value, {key: view.href(rows=key) for key in ROWS})],
    )


def label(value: str | None, more: int) -> str:
    """A value's name; all that are not named are told by their number."""
    return f"{more:,} others" if value is None else fmt.named(value)


def heading(view: View, rows: Dimension, value: str | None, more: int) -> Any:
    """The row's name, a way to its spend."""
    if value is None:
        return html.Span(label(None, more), className="dim")
    kind = "" if value else "none"
    return html.A(label(value, more), href=view.only(rows, value, by="model"), className=kind)


def square(view: View, rows: Dimension, row: str | None, column: str | None, cell: Cell | None, peak: float) -> Any:
    """One amount on its ground, a way to its calls; a cell without calls is empty."""
    if cell is None:
        return ""
    depth = round(math.sqrt(float(cell.priced_cost) / peak) * 100) if peak else 0
    style: Any = {"--depth": f"{depth}%"}
    text = fmt.money(cell.cost, "unpriced")
    if row is None or column is None:
        return html.Span(text, className="cell", style=style)
    href = view.href("/traces", **{rows.value: written(row), COLUMN.value: written(column)})
    return html.A(text, href=href, className="cell", style=style, title=f"{fmt.count(cell.calls)} calls")


def shown(cell: Cell) -> str:
    """The amount of a sum."""
    return fmt.money(cell.cost, "unpriced")


def unpriced(cell: Cell) -> str:
    """How many calls are in no amount; nothing where all have a price."""
    return fmt.count(cell.unpriced_calls) if cell.unpriced_calls else ""
