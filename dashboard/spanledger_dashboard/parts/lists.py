"""Lists whose rows are bars: the form this dashboard takes where others draw a pie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard.parts.basics import value


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: how long its bar is, and the texts beside it."""

    label: str
    size: float
    text: str
    beside: str = ""
    kind: str = ""
    href: str = ""


def bar_list(first: str, second: str, third: str, entries: Sequence[Entry]) -> Component:
    """Rows in the order given, each a link to what it stands for."""
    longest = max((entry.size for entry in entries), default=0.0) or 1.0
    head = html.Div(
        [html.Span(first, className="h"), html.Span(second, className="h x"), html.Span(third, className="h d")],
        className="r",
    )
    rows = [
        html.A(
            [
                html.Span(
                    [
                        html.I(className="bar", style={"width": f"{max(0.0, entry.size) / longest * 100:.1f}%"}),
                        html.B(value(entry.label), title=entry.label),
                    ],
                    className="n",
                ),
                html.Span(entry.text, className="x num"),
                html.Span(entry.beside, className=f"d num delta {entry.kind}"),
            ],
            href=entry.href,
            className="r",
        )
        for entry in entries
    ]
    return html.Div([head, *rows], className="bl")
