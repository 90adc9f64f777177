"""Callbacks of the shell: what the top bar says, filter values, search."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.page import Page
from spanledger_dashboard.parts.bar import FILTERS
from spanledger_dashboard.parts.basics import icon, wild
from spanledger_dashboard.view import View, written
from spanledger_store.errors import StoreError
from spanledger_store.scope import Dimension

MAX_CHOICES = 500
ICONS = {"customer": "user", "feature": "layers", "model": "sparkles"}


async def bar(data: Data, view: View) -> Sequence[Any]:
    """Project label and menu, range label, comparison, live state, chips."""
    found, places = await asyncio.gather(
        data.projects(), data.labels(view.scope.without(Dimension.ENVIRONMENT), Dimension.ENVIRONMENT, MAX_CHOICES)
    )
    projects = sorted({*found, view.project})
    chosen = view.filters.get(Dimension.ENVIRONMENT, ())
    items = [
        dmc.MenuItem(
            name,
            **wild({"data-patch": urlencode({"project": name}), "aria-current": str(name == view.project).lower()}),
        )
        for name in projects
    ]
    environments = [
        dmc.MenuItem(
            "All environments", **wild({"data-patch": "environment=", "aria-current": str(not chosen).lower()})
        )
    ]
    environments += [
        dmc.MenuItem(
            fmt.named(name),
            **wild(
                {
                    "data-patch": urlencode({"environment": written(name)}),
                    "aria-current": str(chosen == (name,)).lower(),
                }
            ),
        )
        for name in places
    ]
    return (
        f"{view.project} / {fmt.named(chosen[0])}" if len(chosen) == 1 else view.project,
        [dmc.MenuLabel("Project"), *items, dmc.MenuDivider(), dmc.MenuLabel("Environment"), *environments],
        view.range.label,
        f"vs {view.range.before}",
        str(view.compare).lower(),
        f"Live {view.live} s" if view.live else "Live",
        str(bool(view.live)).lower(),
        chips(view),
    )


def chips(view: View) -> list[Component]:
    """One chip per filter value, and a way to drop them all."""
    found: list[Component] = [
        html.Span(
            [
                html.Small(FILTERS[dimension]),
                html.B(fmt.named(value), title=value),
                html.A(
                    icon("x"),
                    href=view.toggled(dimension, value),
                    **wild({"aria-label": f"Remove filter {FILTERS[dimension]} {fmt.named(value)}"}),
                ),
            ],
            className="chip",
        )
        for dimension in FILTERS
        for value in view.filters.get(dimension, ())
    ]
    if len(found) > 1:
        none: dict[str, str | None] = {dimension.value: None for dimension in view.filters}
        found.append(html.A("Clear all", href=view.href(**none), className="clear"))
    return found


async def choices(data: Data, view: View, dimension: Dimension) -> list[dict[str, str]]:
    """Values a filter can take within the view's range, the dearest first."""
    if dimension is Dimension.STATUS:
        return [{"value": "error", "label": "error"}, {"value": "ok", "label": "ok"}]
    labels = await data.labels(view.scope.without(dimension), dimension, MAX_CHOICES)
    return [{"value": label or "(none)", "label": fmt.named(label)} for label in labels]


async def found(data: Data, view: View, pages: Sequence[Page], text: str) -> list[Component]:
    """What the palette offers for a text: pages first, then names, then traces."""
    wanted = text.strip()
    places = [page for page in pages if page.section and wanted.lower() in page.title.lower()]
    rows: list[Component] = []
    if places:
        rows.append(html.Div("Pages", className="pal-h"))
        rows += [html.A([icon(page.icon), page.title], href=view.href(page.path)) for page in places]
    if not wanted:
        return rows
    names, traces = await asyncio.gather(data.named(view.project, wanted), data.traces_named(view.project, wanted))
    if names.height:
        rows.append(html.Div("Spend of", className="pal-h"))
    rows += [
        html.A(
            [
                icon(ICONS[row["dimension"]]),
                html.Span(row["label"], className="grow"),
                html.Span(row["dimension"], className="faint"),
            ],
            href=view.only(Dimension(row["dimension"]), row["label"], "/spend"),
        )
        for row in names.iter_rows(named=True)
    ]
    if traces:
        rows.append(html.Div("Traces", className="pal-h"))
    rows += [
        html.A([icon("list-tree"), html.Span(trace, className="mono")], href=view.href(f"/trace/{trace}"))
        for trace in traces
    ]
    rows.append(html.A([icon("search"), f"Search traces for “{wanted}”"], href=view.href("/traces", q=wanted)))
    return rows


def register(app: Dash, data: Data, pages: Sequence[Page]) -> None:
    """Wire the shell."""

    def parsed(view: dict[str, Any] | None) -> View:
        try:
            return View.parse(view or {}, data.settings.project)
        except BadView:
            # The page itself tells what is wrong with the URL.
            raise PreventUpdate from None

    def clientside(name: str, output: Output, *inputs: Input | State, initial: bool = False) -> None:
        app.clientside_callback(
            ClientsideFunction("spanledger", name), output, *inputs, prevent_initial_call=not initial
        )

    clientside("route", Output("main", "children"), Input("url", "pathname"), State("pages", "data"), initial=True)
    clientside("view", Output("view", "data"), Input("url", "href"), Input("tick", "data"), initial=True)
    clientside("scheme", Output("mantine", "forceColorScheme"), Input("mantine", "id"), initial=True)
    clientside(
        "brush",
        Output("sink", "data", allow_duplicate=True),
        Input({"type": "time-chart", "name": ALL}, "relayoutData"),
    )
    clientside(
        "jump",
        Output("sink", "data", allow_duplicate=True),
        Input({"type": "linked-chart", "name": ALL}, "clickData"),
    )
    clientside("show", Output("absolute", "opened"), Input("custom-range", "n_clicks"))
    clientside(
        "absolute",
        Output("sink", "data", allow_duplicate=True),
        Input("absolute-apply", "n_clicks"),
        State("absolute-from", "value"),
        State("absolute-to", "value"),
        State("absolute-zone", "value"),
    )
    clientside(
        "filter",
        Output("sink", "data", allow_duplicate=True),
        Input("filter-value", "value"),
        State("filter-dimension", "value"),
    )

    @app.callback(
        Output("project-label", "children"),
        Output("project-menu", "children"),
        Output("range-label", "children"),
        Output("compare-label", "children"),
        Output("compare", "aria-pressed"),
        Output("live-label", "children"),
        Output("live", "aria-pressed"),
        Output("chips", "children"),
        Input("view", "data"),
        prevent_initial_call=True,
    )
    async def draw_bar(view: dict[str, Any]) -> Sequence[Any]:
        try:
            return await bar(data, parsed(view))
        except StoreError:
            # The page itself tells that the store is away.
            raise PreventUpdate from None

    @app.callback(
        Output("filter-value", "data"),
        Output("filter-value", "value"),
        Input("filter-pop", "opened"),
        Input("filter-dimension", "value"),
        State("view", "data"),
        prevent_initial_call=True,
    )
    async def draw_choices(opened: bool, dimension: str, view: dict[str, Any]) -> Sequence[Any]:
        if not opened:
            raise PreventUpdate
        try:
            return await choices(data, parsed(view), Dimension(dimension)), None
        except StoreError:
            raise PreventUpdate from None

    @app.callback(
        Output("palette-list", "children"),
        Input("palette-q", "value"),
        Input("palette", "opened"),
        State("view", "data"),
        prevent_initial_call=True,
    )
    async def draw_found(text: str | None, opened: bool, view: dict[str, Any]) -> Sequence[Any]:
        if not opened:
            raise PreventUpdate
        try:
            return await found(data, parsed(view), pages, text or "")
        except StoreError:
            raise PreventUpdate from None
