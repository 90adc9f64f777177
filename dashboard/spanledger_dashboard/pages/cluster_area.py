"""Beside the map while no cluster is chosen: the largest ones, or what lies in an area; and above it new topics."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl
from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.pages.cluster_bars import bar, bars, leading
from spanledger_dashboard.pages.cluster_choice import frame_of
from spanledger_dashboard.parts.basics import card, link, pill, wild
from spanledger_dashboard.view import View
from spanledger_store.control.clusters import NONE, Event
from spanledger_store.reports.clusters import Line
from spanledger_store.reports.traces import MAX_TRACES
from spanledger_store.scope import Dimension

LARGEST, AMONG, TOLD = 14, 8, 8


def largest(view: View, lines: Sequence[Line]) -> list[Component]:
    """What can be done here, and the clusters that most calls are in."""
    hint = card(
        "Selection",
        html.Div(
            html.P(
                "Drag on the map to choose calls, or choose a cluster: their cost, whose they are and examples "
                "are shown here.",
                className="dim",
            ),
            className="cb",
        ),
    )
    shown = [each for each in lines if each.cluster != NONE]
    rows = [
        bar(each.cluster, each.name, each.calls, shown[0].calls, fmt.count(each.calls), fmt.money(each.cost_usd),
            view.href(cluster=str(each.cluster), area=None))
        for each in shown[:LARGEST]
    ]  # fmt: skip
    return [
        hint,
        card("Largest", html.Div(bars("Cluster", rows), className="cb"),
             beside=[html.Span(f"of {len(shown):,}", className="dim num")]),
    ]  # fmt: skip


def area_card(view: View, calls: pl.DataFrame) -> Component:
    """Calls within an area of the map: what they come to, which clusters, and whose."""
    close = link("", view.href(area=None), "x", kind="sq", **wild({"aria-label": "Clear", "title": "Clear"}))
    if calls.is_empty():
        empty = html.P("No calls lie there: draw around some.", className="dim")
        return card("Selection", html.Div(empty, className="cb"), right=[close], kind="cluster")
    priced = calls["cost_usd"].drop_nulls()
    cost = Decimal(str(priced.sum())) if len(priced) else None
    frame = calls.group_by("cluster", "name").agg(pl.len().alias("calls"), pl.col("cost_usd").sum())
    frame = frame.sort("calls", "cluster", descending=[True, False])
    clusters = [
        bar(number, name, count, frame["calls"][0], fmt.count(count), fmt.money(spent),
            view.href(cluster=str(number), area=None))
        for number, name, count, spent in frame.head(AMONG).iter_rows()
    ]  # fmt: skip
    failed = int((calls["status"].cast(pl.String) == "error").sum())
    timed = calls["duration_ns"].drop_nulls()
    told = [
        ("Spend", fmt.money(cost)),
        ("A call", fmt.money(cost / len(priced)) if cost is not None else fmt.DASH),
        (
            "Latency",
            fmt.duration(float(timed.cast(pl.Float64).quantile(0.5, "lower") or 0)) if len(timed) else fmt.DASH,
        ),
        ("Errors", fmt.share(failed / len(calls))),
    ]
    facts_ = html.Dl(
        [part for name, text in told for part in (html.Dt(name), html.Dd(text, className="num"))], className="facts2"
    )
    traces = calls["trace_id"].n_unique()
    named = f"{traces:,} trace{'' if traces == 1 else 's'}"
    if traces > MAX_TRACES:
        named = f"Newest {MAX_TRACES:,} of {named}"
    chosen = {"area": view.get("area"), "seen": view.get("seen") or None}
    acts = [
        link(named, view.href("/traces", **chosen, map=frame_of(view.scope)), "list-tree"),
        link("CSV", view.href("/export/cluster_calls.csv", **chosen),
             "download", download="cluster_calls.csv"),
    ]  # fmt: skip
    return card(
        "Selection",
        html.Div(
            [
                html.Div(acts, className="bar-form"),
                facts_,
                bars("Clusters", clusters),
                *(
                    leading(title, by, calls, NONE, lambda value, by=by: view.only(by, value))
                    for by, title in ((Dimension.CUSTOMER, "Customers"), (Dimension.MODEL, "Models"))
                ),
            ],
            className="cb",
        ),
        beside=[pill(f"{len(calls):,} calls", "acc")],
        right=[close],
        kind="cluster",
    )


def news_card(view: View, news: Sequence[tuple[Event, int]]) -> Component | None:
    """New topics since the last refit, each a way to its cluster or an example."""
    rows: list[Component] = []
    for event, cluster in news[:TOLD]:
        traces = event.details.get("example_traces") or []
        if cluster != NONE:
            way = [
                html.Button("Show", className="ctl", type="button", **wild({"data-patch": f"cluster={cluster}&area="}))
            ]
        else:
            way = [link("Example", view.href(f"/trace/{trace}")) for trace in traces[:1]]
        told = event.details.get("sentence") or "New topic"
        rows.append(
            html.Div(
                [
                    pill("new topic", "acc"),
                    html.Span(told),
                    html.Span(f"{event.at.astimezone(view.zone):%-d %b %H:%M}", className="dim num"),
                    *way,
                ],
                className="news",
            )
        )
    return html.Section(rows, className="card", **wild({"aria-label": "New topics"})) if rows else None
