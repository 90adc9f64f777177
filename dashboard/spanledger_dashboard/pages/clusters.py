"""Query clusters: what users ask, as a map, a list, and a card of what is chosen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.page import Page, content, drawn
from spanledger_dashboard.pages.cluster_area import area_card, largest, news_card
from spanledger_dashboard.pages.cluster_cards import cluster_card, gone_card
from spanledger_dashboard.pages.cluster_choice import area_of, chosen, cluster_of, fresh
from spanledger_dashboard.pages.cluster_table import listed, table
from spanledger_dashboard.parts import states
from spanledger_dashboard.parts.basics import icon, link, switch, wild
from spanledger_dashboard.parts.header import copy_link, header, updated
from spanledger_dashboard.view import View
from spanledger_store.control.clusters import NONE, Codebook
from spanledger_store.reports.clusters import Line
from spanledger_store.reports.clusters_page import Courses

PATH = "/clusters"
COLOURS = {
    "cluster": "Cluster", "feature": "Feature", "customer": "Customer", "model": "Model", "spend": "Cost",
    "latency": "Latency", "error": "Errors", "score": "Score", "new": "New",
}  # fmt: skip
TOOLS = {"lasso": "Lasso", "select": "Box", "pan": "Move", "zoom": "Zoom"}
LIST = "clusters-list"
LEAST = 300
"""Calls with a vector that the first codebook takes."""


def skeleton() -> Component:
    """The page before its data; the map's place stays while everything around it is drawn anew."""
    export = html.Div(id="clusters-acts", className="bar-form")
    waiting = states.loading(states.bone_card(420))
    return html.Div(
        [
            header("Query clusters", "clusters-sub", [export, copy_link()]),
            # No codebook, nothing found, or a failure. Where this is not empty, the rest is hidden.
            html.Div(id="clusters-body"),
            html.Div(
                [
                    drawn(LIST),
                    html.Div(id="clusters-news"),
                    html.Div(
                        [map_card(), html.Div(waiting, id="clusters-panel", className="pg")],
                        className="row clusters",
                    ),
                    html.Div(search_box(), className="bar-form"),
                    html.Div(states.bone_card(420), id="clusters-table"),
                ],
                className="pg",
            ),
        ],
        className="pg",
    )  # fmt: skip


def map_card() -> Component:
    """The map, what its colours mean, and which part of the range it shows; `45-cluster-map.js` draws all of it."""
    tools = [
        html.Button(label, type="button", **wild({"data-map-tool": key, "aria-pressed": str(key == "lasso").lower()}))
        for key, label in TOOLS.items()
    ]
    whole = html.Button("Whole map", type="button", **wild({"data-map-tool": "whole"}))
    return html.Section(
        [
            html.Div(id="clusters-colour", className="ch map-head"),
            html.Div(
                [
                    html.Div([*tools, whole], className="seg map-tools", role="group", **named("Dragging")),
                    html.Canvas(id="clusters-points", **wild({"aria-hidden": "true"})),
                    html.Div(id="clusters-map", role="group", **named("Map of calls by what they ask")),
                    html.Div(id="clusters-tip", className="map-tip", **wild({"aria-hidden": "true"})),
                ],
                className="map-place",
            ),
            html.Div(id="clusters-legend", className="map-legend"),
            html.Div(id="clusters-time", className="map-time"),
            html.Div(id="clusters-note", className="map-note", role="status"),
        ],
        className="card map",
        **wild({"aria-label": "Map"}),
    )  # fmt: skip


def named(label: str) -> dict[str, Any]:
    """What assistive technology calls a part."""
    return wild({"aria-label": label})


async def render(data: Data, view: View) -> Sequence[Any]:
    """Subtitle, actions, news, searched words, table; and what is said instead of them."""
    scope = view.scope
    book, lines, courses, first, scored, news = await asyncio.gather(
        data.codebook(view.project), data.cluster_list(scope), courses_of(data, view),
        data.cluster_first_calls(view.project), data.cluster_scores(scope), data.cluster_news(scope),
    )  # fmt: skip
    if book is None or not lines:
        return updated(view), None, None, view.get("q"), None, await nothing(data, view, book)
    rows = listed(view, lines, courses, fresh(first, scope), scored, first)
    listing = view.href("/export/clusters.csv", q=view.get("q") or None)
    export = link("CSV", listing, "download", download="clusters.csv")
    return (
        subtitle(view, book, lines),
        [export],
        news_card(view, news),
        view.get("q"),
        table(view, rows, scored.name),
        None,
    )  # fmt: skip


async def render_choice(data: Data, view: View) -> Sequence[Any]:
    """What points are coloured by, and what is chosen."""
    colour = switch("Colour by", COLOURS, view.choice("colour", COLOURS, "cluster"),
                    {key: view.href(colour=None if key == "cluster" else key) for key in COLOURS})  # fmt: skip
    return colour, await panel(data, view)


async def panel(data: Data, view: View) -> Any:
    """What is chosen: an area, a cluster, or nothing yet."""
    scope, wanted = view.scope, cluster_of(view)
    if area_of(view):
        frame = chosen(view, await data.cluster_points(scope))
        return [area_card(view, frame)]
    lines = await data.cluster_list(scope)
    if wanted is None:
        return largest(view, lines)
    line = next((each for each in lines if wanted in (each.cluster, *each.parts)), None)
    if line is None:
        events = await data.cluster_events(view.project)
        return [gone_card(view, wanted, events, await data.cluster_fate(view.project, wanted))]
    courses, first, examples, events, points, scored = await asyncio.gather(
        courses_of(data, view), data.cluster_first_calls(view.project), data.cluster_examples(view.project),
        data.cluster_events(view.project), data.cluster_points(scope), data.cluster_scores(scope),
    )  # fmt: skip
    said = await data.said_of_cluster(scope, line.cluster) if scored.name else []
    mine = chosen(view, points)
    if line.cluster != wanted:
        mine = points.filter(points["cluster"] == line.cluster) if len(points) else points
    card = cluster_card(
        view, line, courses, examples.get(line.cluster, []), events, mine, said,
        is_new=line.cluster in fresh(first, scope), whole_map=len(points) == sum(each.calls for each in lines),
    )  # fmt: skip
    return [card]


async def courses_of(data: Data, view: View) -> Courses:
    """Every cluster over the range; of the stretch before only what is compared with, and in the books."""
    found, covered = await asyncio.gather(data.cluster_courses(view.scope), data.covers(view.scope.previous()))
    return found if view.compare and covered else replace(found, weight_before=0.0)


def subtitle(view: View, book: Codebook, lines: Sequence[Line]) -> Component:
    """How much is shown, how it was made, and how fresh it is."""
    calls = sum(each.calls for each in lines)
    inside = [each for each in lines if each.cluster != NONE]
    outside = sum(each.share for each in lines if each.cluster == NONE)
    made = f"{book.made_at.astimezone(view.zone):%-d %b %H:%M}"
    stability = book.details.get("stability")
    told = (
        f"{calls:,} calls in {len(inside):,} clusters, {fmt.share(outside)} in none · "
        f"made {made} of {book.calls:,} calls"
        + (f", stability {stability:.2f}" if isinstance(stability, float) else "")
    )
    return html.Span([told, " · ", updated(view)])


async def nothing(data: Data, view: View, book: Codebook | None) -> Component:
    """Why there are no clusters, and what it takes."""
    latest = await data.latest_span(view.project)
    if latest is None:
        return states.no_data(view.project, data.settings.endpoint)
    if book is not None:
        return states.no_match(latest, view.zone, bool(view.filters))
    told = await data.embedded(view.project, view.now)
    embedded = int(told.get("embedded", 0))
    if embedded < LEAST:
        return states.nothing_set(
            "chart-scatter",
            "Not enough calls have a vector yet",
            f"{embedded:,} of {int(told.get('calls', 0)):,} calls have one, and the first clusters take {LEAST}. "
            "Vectors come from the SDK, from embedding spans, or are made here from what is asked, within a minute of "
            "a call. How far that is:",
            "spanledger embeddings status",
        )
    return states.nothing_set(
        "chart-scatter",
        "Clusters are still to be made",
        f"{embedded:,} calls have a vector. The job makes the first clusters of them at its next run. To do it now:",
        "spanledger jobs run clusters",
    )


def search_box() -> Component:
    """Words in names, terms and topics."""
    return dmc.TextInput(
        id="clusters-q", placeholder="Words in names, terms or topics", size="xs", debounce=250,
        leftSection=icon("search"), className="q", **wild({"aria-label": "Search clusters"}),
    )  # fmt: skip


def register(app: Dash, data: Data) -> None:
    """Wire the page."""
    outputs = [Output(f"clusters-{part}", "children") for part in ("sub", "acts", "news", "table", "body")]
    content(app, data, PATH, [*outputs[:3], Output("clusters-q", "value"), *outputs[3:]], render, after=LIST)
    content(
        app, data, PATH, [Output("clusters-colour", "children"), Output("clusters-panel", "children")], render_choice
    )
    # The list is long: it is drawn anew only where the address asks for another.
    app.clientside_callback(
        ClientsideFunction("spanledger", "clusterList"),
        Output(f"{LIST}-drawn", "data"),
        Input("view", "data"),
        State(f"{LIST}-drawn", "data"),
    )
    app.clientside_callback(
        ClientsideFunction("spanledger", "clusterMap"),
        Output("sink", "data", allow_duplicate=True),
        Input("view", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("spanledger", "clusterSearch"),
        Output("sink", "data", allow_duplicate=True),
        Input("clusters-q", "value"),
        prevent_initial_call=True,
    )


PAGE = Page(PATH, "Query clusters", skeleton, register, icon="chart-scatter", section="Quality")
