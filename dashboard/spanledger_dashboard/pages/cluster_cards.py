"""One cluster as a card: what it is about, what it comes to, whose it is, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

import polars as pl
from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.figures.cluster_course import course as drawn
from spanledger_dashboard.figures.cluster_map import tint
from spanledger_dashboard.pages.cluster_bars import leading
from spanledger_dashboard.pages.cluster_table import change_of
from spanledger_dashboard.parts.basics import card, link, pill, time_chart, wild
from spanledger_dashboard.parts.states import command
from spanledger_dashboard.view import View, written
from spanledger_store.control.clusters import NONE, Event, Fate
from spanledger_store.reports.clusters import Line
from spanledger_store.reports.clusters_page import STEPS, Courses, Example
from spanledger_store.scope import Dimension

EXAMPLES, EVENTS = 5, 8
BY = {Dimension.MODEL: "Models", Dimension.CUSTOMER: "Customers", Dimension.FEATURE: "Features"}
BECAME = {
    "birth": "new at a refit",
    "death": "gone at a refit",
    "split": "split",
    "merge": "merged",
    "emergence": "new topic",
}


def cluster_card(
    view: View, line: Line, courses: Courses, shown: Sequence[Example], events: Sequence[Event], calls: pl.DataFrame,
    said: Sequence[Mapping[str, Any]], *, is_new: bool, whole_map: bool,
) -> Component:  # fmt: skip
    """One cluster: what it is about, what it comes to, over time, whose it is, and what became of it."""
    title = [pill("new", "acc")] if is_new else []
    acts = [
        link("Calls", view.href("/traces", cluster=str(line.cluster)), "list-tree"),
        link("CSV", view.href("/export/cluster_calls.csv", cluster=str(line.cluster), seen=view.get("seen") or None),
             "download", download="cluster_calls.csv"),
    ]  # fmt: skip
    close = link("", view.href(cluster=None), "x", kind="sq", **wild({"aria-label": "Close", "title": "Close"}))
    return card(
        line.name,
        html.Div(
            [
                html.Div(acts, className="bar-form"),
                terms(view, line),
                facts(view, line, courses),
                over_time(view, line, courses),
                examples(view, line, shown),
                *(
                    leading(title, by, calls, line.cluster, lambda value, by=by: slice_href(view, line, by, value))
                    for by, title in BY.items()
                    if line.cluster != NONE and not calls.is_empty()
                ),
                *(
                    []
                    if whole_map or calls.is_empty()
                    else [html.P(f"Of {len(calls):,} calls on the map.", className="note")]
                ),
                scores(said),
                history(view, line, events),
                *([actions(view, line)] if line.cluster != NONE else []),
            ],
            className="cb",
        ),
        beside=[html.I(className="dot", style={"background": tint(line.cluster)}), *title],
        right=[close],
        kind="cluster",
    )


def terms(view: View, line: Line) -> Component:
    """Words that set it apart, and the topic it is a part of."""
    if line.cluster == NONE:
        return html.P("Calls that are far from every cluster.", className="dim")
    words = [html.Span(word, className="pill") for word in line.words[:10]]
    none = html.Span("Too few people ask it for its words to be shown.", className="dim")
    topic = (
        [html.Small(["Topic: ", html.A(line.topic, href=view.href(q=line.topic, cluster=None))], className="dim")]
        if line.topic
        else []
    )
    return html.Div([html.Div(words or none, className="terms"), *topic])


def facts(view: View, line: Line, courses: Courses) -> Component:
    """What its calls come to."""
    change = change_of(line.share, courses.of.get(line.cluster), courses)
    each = line.cost_usd / line.calls if line.calls else None
    told = [
        ("Calls", fmt.count(line.calls)),
        ("Share", fmt.share(line.share) + (f" ({fmt.signed(change)})" if change is not None else "")),
        ("Spend", fmt.money(line.cost_usd)),
        ("A call", fmt.money(each)),
        ("p50", fmt.duration(line.p50_ns)),
        ("p95", fmt.duration(line.p95_ns)),
        ("Errors", fmt.share(line.errors / max(line.calls, 1))),
        ("Unpriced", fmt.count(line.unpriced_calls)),
        # Where no call says whose it is, nobody knows how many there were.
        ("Customers", fmt.count(line.customers) if line.customers else fmt.DASH),
        ("Sessions", fmt.count(line.sessions) if line.sessions else fmt.DASH),
    ]
    return html.Dl(
        [part for name, text in told for part in (html.Dt(name), html.Dd(text, className="num"))], className="facts2"
    )


def over_time(view: View, line: Line, courses: Courses) -> Component:
    """Calls and spend over the range."""
    course = courses.of.get(line.cluster)
    if course is None:
        return html.Div()
    step = (view.range.end - view.range.start) / STEPS
    starts = [(view.range.start + step * at).astimezone(view.zone) for at in range(STEPS)]
    figure = drawn(starts, list(course.calls), list(course.costs), tint(line.cluster))
    return time_chart(f"cluster-{line.cluster}", figure, 128, f"Calls and spend of {line.name} over time")


def examples(view: View, line: Line, shown: Sequence[Example]) -> Component:
    """Typical queries, each a way to its trace."""
    if line.cluster == NONE or not shown:
        return html.Div()
    rows = [
        html.Li(html.A(each.text, href=view.href(f"/trace/{each.trace_id}", span=each.span_id)))
        for each in shown[:EXAMPLES]
    ]
    return html.Div([html.H3("Typical"), html.Ul(rows, className="asked")])


def slice_href(view: View, line: Line, by: Dimension, value: str) -> str:
    """The traces of a cluster that have this value."""
    return view.href("/traces", cluster=str(line.cluster), **{by.value: written(value)})


def scores(said: Sequence[Mapping[str, Any]]) -> Component:
    """What was said of its calls."""
    if not said:
        return html.Div()
    told = [
        part
        for each in said[:6]
        for part in (html.Dt(each["name"]), html.Dd(f"{each['mean']:.2f} of {each['scores']:,}", className="num"))
    ]
    return html.Div([html.H3("Scores"), html.Dl(told, className="facts2")])


def history(view: View, line: Line, events: Sequence[Event]) -> Component:
    """What became of it at refits."""
    mine = [each for each in events if line.cluster in (*each.before, *each.after)][:EVENTS]
    if not mine:
        return html.Div()
    rows = [html.Li([f"{each.at.astimezone(view.zone):%-d %b %H:%M} · ", became(each)]) for each in mine]
    return html.Div([html.H3("History"), html.Ul(rows, className="asked")])


def became(event: Event) -> str:
    """An event in words."""
    sides = [", ".join(map(str, side)) for side in (event.before, event.after)]
    told = BECAME.get(event.kind, event.kind)
    return f"{told}: {sides[0]} → {sides[1]}" if all(sides) else told


def actions(view: View, line: Line) -> Component:
    """How to rename, merge or hide it: it holds for refits to come."""
    where = f"--project {quote(view.project)}"
    rows: list[Component] = []
    for title, text in (
        ("Rename", f"spanledger clusters rename {line.cluster} {quote(line.name[:60].strip())} {where}"),
        ("Show as part of another", f"spanledger clusters merge {line.cluster} OTHER {where}"),
        ("Hide", f"spanledger clusters hide {line.cluster} {where}"),
    ):
        rows += [html.H3(title), command(text)]
    return html.Details([html.Summary("Rename, merge or hide"), *rows])


def gone_card(view: View, cluster: int, events: Sequence[Event], fate: Fate) -> Component:
    """A cluster that is not in the list: hidden, never given, or without calls in the range."""
    told = [each for each in events if cluster in (*each.before, *each.after)][:EVENTS]
    rows = [html.Li(f"{each.at.astimezone(view.zone):%-d %b %H:%M} · {became(each)}") for each in told]
    said = {
        "hidden": f"Cluster {cluster} is hidden. To show it again:",
        "unknown": f"There is no cluster {cluster} in project {view.project}.",
        "kept": f"Cluster {cluster} has no calls in this range: choose a longer one.",
    }[fate]
    again = f"spanledger clusters hide {cluster} --undo --project {quote(view.project)}"
    way = [command(again)] if fate == "hidden" else []
    inside = html.Div([html.P(said, className="dim"), *way, html.Ul(rows, className="asked")], className="cb")
    close = link("Close", view.href(cluster=None), "x")
    return card(f"Cluster {cluster}", inside, right=[close], kind="cluster")
