"""A short table in plain HTML, for rows that need no sorting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard.parts.basics import wild


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name; numbers stand at the right."""

    name: str
    number: bool = True
    hint: str = ""


def sheet(
    columns: Sequence[Column], rows: Sequence[Sequence[Any]], label: str, *, total: Sequence[Any] | None = None
) -> Component:
    """Rows of texts and components under their names, the first cell of each row as its heading; `total` below them.

    What is wider than its place can be scrolled, by the keys too.
    """
    head = html.Thead(
        html.Tr([html.Th(each.name, title=each.hint, scope="col", className=_kind(each)) for each in columns])
    )
    parts: list[Component] = [head, html.Tbody([_row(columns, row) for row in rows])]
    if total is not None:
        parts.append(html.Tfoot(_row(columns, total)))
    return html.Div(
        html.Table(parts, className="sheet"),
        className="scroll",
        tabIndex="0",
        role="region",
        **wild({"aria-label": label}),
    )


def _row(columns: Sequence[Column], cells: Sequence[Any]) -> Component:
    first, *rest = zip(columns, cells, strict=True)
    return html.Tr(
        [
            html.Th(first[1], scope="row", className=_kind(first[0])),
            *(html.Td(cell, className=_kind(column)) for column, cell in rest),
        ]
    )


def _kind(column: Column) -> str:
    return "num" if column.number else "txt"
