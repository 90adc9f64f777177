"""Rows whose ground is as long as what they count, in the colour of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.figures.cluster_map import tint
from spanledger_store.scope import Dimension

LEADING = 5


def bar(cluster: int, name: str, size: float, longest: float, text: str, beside: str, href: str) -> Component:
    """A row whose ground is as long as its size, in the cluster's colour."""
    style: Any = {"width": f"{size / max(longest, 1) * 100:.1f}%", "background": tint(cluster)}
    return html.A(
        [
            html.Span([html.I(className="bar", style=style), html.B(name, title=name)], className="n"),
            html.Span(text, className="x num"),
            html.Span(beside, className="d num dim"),
        ],
        href=href,
        className="r",
    )


def bars(title: str, rows: Sequence[Component]) -> Component:
    """Rows under their title."""
    head = html.Div(
        [html.Span(title, className="h"), html.Span(className="h x"), html.Span(className="h d")], className="r"
    )
    return html.Div([head, *rows], className="bl tinted")


def leading(title: str, by: Dimension, calls: pl.DataFrame, cluster: int, href: Callable[[str], str]) -> Component:
    """The values that most of these calls have, each a way to what `href` makes of it."""
    frame = calls.group_by(pl.col(by.value).cast(pl.String).alias("value")).agg(pl.len().alias("calls"))
    frame = frame.sort("calls", "value", descending=[True, False])
    rows = [
        bar(cluster, fmt.named(value), count, frame["calls"][0], fmt.count(count), fmt.share(count / len(calls), 0),
            href(value))
        for value, count in frame.head(LEADING).iter_rows()
    ]  # fmt: skip
    return bars(title, rows)
