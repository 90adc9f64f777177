"""Traces: find the ones that matter."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
import polars as pl
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.figures.base import ERROR, PALETTE
from spanledger_dashboard.figures.histogram import outcomes
from spanledger_dashboard.page import Page, content
from spanledger_dashboard.pages.traces_asked import asked, clusters
from spanledger_dashboard.pages.traces_rows import COLUMNS, record
from spanledger_dashboard.parts import states
from spanledger_dashboard.parts.basics import card, icon, legend, switch, time_chart, wild
from spanledger_dashboard.parts.header import copy_link, header, subtitle
from spanledger_dashboard.periods import Clock, clock
from spanledger_dashboard.view import View, written
from spanledger_store.errors import StoreError
from spanledger_store.reports.traces import MAX_TRACES, Cursor, Order
from spanledger_store.scope import Dimension

FACETS = {
    Dimension.CUSTOMER: "Customer",
    Dimension.FEATURE: "Feature",
    Dimension.MODEL: "Model",
    Dimension.PROVIDER: "Provider",
    Dimension.ENVIRONMENT: "Environment",
    Dimension.RELEASE: "Release",
}
ORDERS = {"newest": "Newest", "slowest": "Slowest", "dearest": "Dearest"}
BLOCK = 100


def skeleton() -> Component:
    """The page before its data: the search form works at once."""
    return html.Div(
        [
            header("Traces", "traces-sub", [copy_link()]),
            search_form(),
            # What the list cannot say: nothing found, or a failure. Where this is not empty, the list is hidden.
            html.Div(id="traces-body"),
            html.Div(
                [
                    html.Div(states.loading(states.bone_card(420)), id="traces-rail"),
                    html.Div(
                        [html.Div(states.bone_card(130), id="traces-over-time"), list_card()],
                        className="pg",
                    ),
                ],
                className="row rail",
            ),
            dcc.Store(id="traces-cursors", data={}),
        ],
        className="pg",
    )  # fmt: skip


def search_form() -> Component:
    """Words or an id, and the least that a trace must have cost or taken."""

    def field(name: str, label: str, **more: Any) -> Component:
        return dmc.TextInput(
            id=name, placeholder=label, size="xs", debounce=True, **wild({"aria-label": label}), **more
        )

    return html.Div(
        [
            field("traces-q", "Words in messages, or a trace id", leftSection=icon("search"), className="q"),
            field("traces-min-s", "At least … s", className="short", inputProps={"inputMode": "decimal"}),
            field("traces-min-usd", "At least … $", className="short", inputProps={"inputMode": "decimal"}),
            html.Div(id="traces-switches", className="bar-form"),
        ],
        className="bar-form",
    )


async def render(data: Data, view: View) -> Sequence[Any]:
    """Subtitle, form state, facets, histogram, number and height of the list; and what is said instead of them."""
    wanted = await asked(data, view)
    search, at = wanted.search, clock(view)
    histogram, facets = await asyncio.gather(
        data.trace_histogram(search, at.buckets), data.facets(search, list(FACETS))
    )
    form = (view.get("q"), view.get("min_s"), view.get("min_usd"), switches(view, wanted.on_map))
    count = int(histogram["traces"].sum())
    if not count:
        latest = await data.latest_span(view.project)
        narrowed = bool(view.filters) or any(
            view.get(k) for k in ("q", "min_s", "min_usd", "errors", "cluster", "area")
        )
        state = (
            states.no_data(view.project, data.settings.endpoint)
            if latest is None
            else states.no_match(latest, view.zone, narrowed)
        )
        return subtitle(view), *form, None, None, None, no_update, state
    height = max(160, min(34 * (count + 1) + 4, 620))
    return (
        subtitle(view),
        *form,
        rail(view, facets),
        histogram_card(at, histogram),
        fmt.count(count),
        {"width": "100%", "height": height},
        None,
    )


def switches(view: View, on_map: int | None = None) -> list[Component]:
    """What the map of clusters narrows to, errors only, and the order of the list."""
    errors = view.get("errors") == "1"
    order = view.choice("order", ORDERS, "newest")
    of = clusters(view)
    among = f"Cluster{'s' if len(of) > 1 else ''} {', '.join(map(str, of[:4]))}{' …' if len(of) > 4 else ''}"
    area = "Area of the map"
    if on_map is not None and on_map > MAX_TRACES:
        area = f"{area}: the newest {MAX_TRACES:,} of {on_map:,} traces"
    return [
        *([_narrowed(among, view.href(cluster=None), "Of any cluster")] if of else []),
        *(
            [_narrowed(area, view.href(area=None, seen=None, map=None), "Anywhere on the map")]
            if on_map is not None
            else []
        ),
        html.A(
            [icon("triangle-alert"), "Errors only"],
            href=view.href(errors=None if errors else "1"),
            className="ctl",
            role="button",
            **wild({"aria-pressed": str(errors).lower()}),
        ),
        switch("Order", ORDERS, order, {key: view.href(order=key) for key in ORDERS}),
    ]


def _narrowed(text: str, href: str, title: str) -> Component:
    """What the list is narrowed to, which a click takes away."""
    inside = [icon("chart-scatter"), text, icon("x")]
    return html.A(inside, href=href, className="ctl", role="button", title=title, **wild({"aria-pressed": "true"}))


def rail(view: View, facets: Mapping[Dimension, pl.DataFrame]) -> Component:
    """Values that matching traces have in common, with how many have each."""
    blocks: list[Component] = []
    for dimension, frame in facets.items():
        chosen = view.filters.get(dimension, ())
        counts = dict(zip(frame["label"], frame["traces"], strict=True))
        labels = [*counts, *(value for value in chosen if value not in counts)]
        if not labels:
            continue
        blocks.append(html.H3(FACETS[dimension]))
        blocks += [
            html.A(
                [
                    html.Span(icon("check"), className="box"),
                    html.B(fmt.named(label), title=fmt.named(label)),
                    html.Small(fmt.count(counts.get(label, 0))),
                ],
                href=view.toggled(dimension, label),
                role="checkbox",
                **wild({"aria-checked": str(label in chosen).lower(), "data-facet": written(label)}),
            )
            for label in labels
        ]
    return html.Section(html.Div(blocks, className="facets"), className="card", **wild({"aria-label": "Facets"}))


def histogram_card(at: Clock, frame: pl.DataFrame) -> Component:
    """When the matching traces began."""
    every, failed = at.counts(frame, "traces"), at.counts(frame, "failed_traces")
    figure = outcomes(at.local, [a - b for a, b in zip(every, failed, strict=True)], failed)
    return card(
        "Traces over time",
        html.Div(time_chart("traces-histogram", figure, 112, "Traces over time"), className="cb"),
        right=[legend([("Without errors", PALETTE[0]), ("With errors", ERROR)])],
    )


def list_card() -> Component:
    """The list itself: it stays while everything around it is drawn anew, so that nobody loses their place."""
    grid = dag.AgGrid(
        id="traces-grid",
        rowModelType="infinite",
        columnDefs=COLUMNS,
        getRowId="params.data.id",
        defaultColDef={"sortable": False, "resizable": True, "suppressHeaderMenuButton": True},
        dashGridOptions={
            "rowHeight": 34,
            "headerHeight": 34,
            "cacheBlockSize": BLOCK,
            # A block begins after the last row of the one before it, so they are fetched one by one.
            "maxConcurrentDatasourceRequests": 1,
            "animateRows": False,
        },
        style={"width": "100%", "height": 620},
    )
    return card(
        "Traces",
        html.Div(grid, role="region", style={"paddingTop": 6}, **wild({"aria-label": "List of traces"})),
        beside=[html.Span(id="traces-count", className="dim num")],
    )


async def block(data: Data, view: View, start: int, cursors: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rows from `start` on, and where the block after them begins.

    `cursors` holds, for one URL, the last row before each block. A block whose start is not known yet is empty: the
    grid asks again when it gets there.
    """
    key = repr(view.pairs)
    known: dict[str, Any] = cursors.get("at", {}) if cursors.get("key") == key else {}
    after = known.get(str(start))
    if start and after is None:
        return {"rowData": [], "rowCount": start}, {"key": key, "at": known}
    cursor = Cursor(int(after[0]), after[1]) if after else None
    order = Order(view.choice("order", ORDERS, "newest"))
    frame = await data.traces((await asked(data, view)).search, order, BLOCK, cursor)
    rows = [record(view, row) for row in frame.iter_rows(named=True)]
    total = start + len(rows)
    if len(rows) < BLOCK:
        return {"rowData": rows, "rowCount": total}, {"key": key, "at": known}
    last = frame.row(-1, named=True)
    return {"rowData": rows}, {"key": key, "at": known | {str(total): [last["sort_key"], last["trace_id"]]}}


def register(app: Dash, data: Data) -> None:
    """Wire the page."""
    outputs = [
        Output("traces-sub", "children"),
        Output("traces-q", "value"),
        Output("traces-min-s", "value"),
        Output("traces-min-usd", "value"),
        Output("traces-switches", "children"),
        Output("traces-rail", "children"),
        Output("traces-over-time", "children"),
        Output("traces-count", "children"),
        Output("traces-grid", "style"),
        Output("traces-body", "children"),
    ]
    content(app, data, "/traces", outputs, render)
    app.clientside_callback(
        ClientsideFunction("spanledger", "search"),
        Output("sink", "data", allow_duplicate=True),
        Input("traces-q", "value"),
        Input("traces-min-s", "value"),
        Input("traces-min-usd", "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("spanledger", "reload"),
        Output("sink", "data", allow_duplicate=True),
        Input("traces-count", "children"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output("traces-grid", "getRowsResponse"),
        Output("traces-cursors", "data"),
        Input("traces-grid", "getRowsRequest"),
        State("traces-cursors", "data"),
        State("view", "data"),
        prevent_initial_call=True,
    )
    async def rows(
        request: dict[str, Any] | None, cursors: dict[str, Any] | None, view: dict[str, Any]
    ) -> Sequence[Any]:
        if not request:
            raise PreventUpdate
        try:
            return await block(data, View.parse(view, data.settings.project), request["startRow"], cursors or {})
        except (StoreError, BadView):
            # The page's own callback tells what is wrong; the list just stays as it is.
            raise PreventUpdate from None


PAGE = Page("/traces", "Traces", skeleton, register, icon="list-tree", section="Monitor", also="/trace/")
