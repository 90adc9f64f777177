"""The head of a page: title, what it is about, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import ranges
from spanledger_dashboard.parts.basics import button, wild
from spanledger_dashboard.view import View


def header(title: str, sub: str, right: Sequence[Any] = (), *, crumbs: str = "", name: str = "") -> Component:
    """A title over a line that the callback of the page fills in (its id is `sub`).

    `crumbs` and `name` are ids of a line above, and of the title, where a callback fills in those too.
    """
    above = [html.Div(id=crumbs, className="crumbs")] if crumbs else []
    return html.Div(
        [
            html.Div([*above, html.H1(title, **wild({"id": name} if name else {})), html.Div(id=sub, className="sub")]),
            html.Span(className="grow"),
            *right,
        ],
        className="ph",
    )


def subtitle(view: View) -> Component:
    """Which stretch of time the page shows, in whose zone, and how fresh it is."""
    stretch = ranges.span_text(view.range.start, view.range.end, view.zone)
    return html.Span([f"{stretch}, {view.zone.key} · ", updated(view)])


def updated(view: View) -> Component:
    """How fresh the page is; the browser counts on."""
    return html.Span("updated now", **wild({"data-updated": str(round(view.now.timestamp() * 1000))}))


def copy_link() -> Component:
    """A button that copies the page's address, which holds all of its state."""
    return button("Copy link", "link", **wild({"data-copy-link": ""}))
