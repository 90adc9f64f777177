"""The list of clusters, or of topics that clusters make up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.figures.cluster_map import tint
from spanledger_dashboard.figures.spark import spark
from spanledger_dashboard.parts.basics import card, icon, pill, wild
from spanledger_dashboard.view import View
from spanledger_store.control.clusters import NONE
from spanledger_store.reports.clusters import Line, searched
from spanledger_store.reports.clusters_page import Course, Courses, Scored

MOST = 12
GROUPS = {"cluster": "Clusters", "topic": "Topics"}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; shares and changes are of calls, weighed."""

    key: int
    name: str
    beside: str
    patch: str
    calls: int
    share: float
    change: float | None
    cost: Decimal
    p50_ns: int | None
    p95_ns: int | None
    errors: float
    score: float | None
    first: datetime | None
    course: Sequence[float]
    is_new: bool


SORTS: Mapping[str, tuple[str, Callable[[Row], float]]] = {
    "calls": ("Calls", lambda row: -row.calls),
    "share": ("Share", lambda row: -row.share),
    "change": ("Change", lambda row: -(row.change if row.change is not None else -2)),
    "spend": ("Spend", lambda row: -float(row.cost)),
    "p50": ("p50", lambda row: -(row.p50_ns or -1)),
    "p95": ("p95", lambda row: -(row.p95_ns or -1)),
    "errors": ("Errors", lambda row: -row.errors),
    "score": ("Score", lambda row: row.score if row.score is not None else float("inf")),
    "first": ("First asked", lambda row: -(row.first.timestamp() if row.first else 0)),
}


def listed(
    view: View, lines: Sequence[Line], courses: Courses, new: set[int], scored: Scored, first: Mapping[int, datetime]
) -> list[Row]:
    """The rows that the URL asks for: searched, grouped and sorted."""
    kept = searched(lines, view.get("q"))
    if view.choice("group", GROUPS, "cluster") == "topic":
        rows = _topics(view, kept, courses, new, scored, first)
    else:
        rows = [_row(view, each, courses, new, scored, first) for each in kept]
    _, key = SORTS[view.choice("sort", tuple(SORTS), "calls")]
    return sorted(rows, key=lambda row: (row.key == NONE, key(row), row.key))


def table(view: View, rows: Sequence[Row], score: str) -> Component:
    """The rows under headings that sort them."""
    group = view.choice("group", GROUPS, "cluster")
    named = [row for row in rows if row.key != NONE]
    most = len(named) if view.get("all") == "1" else MOST
    shown = [*named[:most], *(row for row in rows if row.key == NONE)]
    columns = [key for key in SORTS if key != "score" or score]
    chosen = view.choice("sort", tuple(SORTS), "calls")
    head = html.Tr(
        [
            html.Th(GROUPS[group][:-1], scope="col", className="txt"),
            html.Th("Calls over time", scope="col", className="txt course"),
            *(_heading(view, key, chosen, score) for key in columns),
        ]
    )
    body = [_line(view, row, columns) for row in shown]
    parts: list[Any] = [
        html.Div(
            html.Table([html.Thead(head), html.Tbody(body)], className="sheet"),
            className="scroll", tabIndex="0", role="region", **wild({"aria-label": "Clusters"}),
        )
    ]  # fmt: skip
    if not rows:
        parts = [html.P(f"No cluster's name, terms or topic contain “{view.get('q')}”.", className="dim")]
    if len(shown) < len(rows):
        every = html.Button(
            f"Show all {len(named):,}", className="ctl more", type="button", **wild({"data-patch": "all=1"})
        )
        parts.append(every)
    return card(
        GROUPS[group],
        html.Div(parts, className="cb cluster-list"),
        beside=[html.Span(f"{len(named):,}", className="dim num")],
        right=[
            html.Div(
                [_grouping(key, key == group) for key in GROUPS],
                className="seg",
                role="group",
                **wild({"aria-label": "Rows"}),
            )
        ],
    )


def change_of(line_share: float, course: Course | None, courses: Courses) -> float | None:
    """Relative change of a share against the stretch before; None where that had no calls, or this cluster none."""
    if not courses.weight_before or course is None:
        return None
    return fmt.change(line_share, course.weight_before / courses.weight_before)


def _row(view: View, each: Line, courses: Courses, new: set[int], scored: Scored, first: Mapping[int, datetime]) -> Row:
    course = courses.of.get(each.cluster)
    beside = ", ".join([word for word in each.words if word not in each.name][:5])
    return Row(
        each.cluster, each.name, beside, f"cluster={each.cluster}&area=", each.calls, each.share,
        change_of(each.share, course, courses), each.cost_usd, each.p50_ns, each.p95_ns,
        each.errors / max(each.calls, 1), scored.means.get(each.cluster), first.get(each.cluster),
        course.weights if course else (), each.cluster in new,
    )  # fmt: skip


def _topics(
    view: View, lines: Sequence[Line], courses: Courses, new: set[int], scored: Scored, first: Mapping[int, datetime]
) -> list[Row]:
    """Clusters under the topics that they are parts of; quantiles of a sum are not known, so they stay empty."""
    parts: dict[str, list[Line]] = {}
    for each in lines:
        parts.setdefault(each.name if each.cluster == NONE else each.topic or each.name, []).append(each)
    rows: list[Row] = []
    for topic, members in parts.items():
        if len(members) == 1:
            rows.append(_row(view, members[0], courses, new, scored, first))
            continue
        found = [courses.of[each.cluster] for each in members if each.cluster in courses.of]
        calls, share = sum(each.calls for each in members), sum(each.share for each in members)
        before = sum(each.weight_before for each in found)
        means = [(scored.means[each.cluster], each.calls) for each in members if each.cluster in scored.means]
        begun = [first[each.cluster] for each in members if each.cluster in first]
        rows.append(
            Row(
                key=members[0].cluster,
                name=topic,
                beside=f"{len(members)} clusters",
                patch=urlencode({"q": topic, "group": "", "cluster": ""}),
                calls=calls,
                share=share,
                change=fmt.change(share, before / courses.weight_before) if courses.weight_before else None,
                cost=sum((each.cost_usd for each in members), Decimal(0)),
                p50_ns=None,
                p95_ns=None,
                errors=sum(each.errors for each in members) / max(calls, 1),
                score=sum(mean * n for mean, n in means) / sum(n for _, n in means) if means else None,
                first=min(begun) if begun else None,
                course=[sum(step) for step in zip(*(each.weights for each in found), strict=True)],
                is_new=any(each.cluster in new for each in members),
            )
        )
    return rows


def _grouping(key: str, is_on: bool) -> Component:
    patch = f"group={'' if key == 'cluster' else key}"
    return html.Button(GROUPS[key], type="button", **wild({"data-patch": patch, "aria-pressed": str(is_on).lower()}))


def _heading(view: View, key: str, chosen: str, score: str) -> Component:
    told = score if key == "score" else SORTS[key][0]
    inside: list[Any] = [told, *([icon("arrow-down")] if key == chosen else [])]
    order = {"aria-sort": "ascending" if key == "score" else "descending"} if key == chosen else {}
    patch = f"sort={'' if key == 'calls' else key}"
    return html.Th(
        html.Button(inside, type="button", **wild({"data-patch": patch})), scope="col", className="num", **wild(order)
    )


def _line(view: View, row: Row, columns: Sequence[str]) -> Component:
    cells = {
        "calls": fmt.count(row.calls),
        "share": fmt.share(row.share),
        "change": fmt.signed(row.change),
        "spend": fmt.money(row.cost),
        "p50": fmt.duration(row.p50_ns),
        "p95": fmt.duration(row.p95_ns),
        "errors": fmt.share(row.errors),
        "score": fmt.DASH if row.score is None else f"{row.score:.2f}",
        "first": f"{row.first.astimezone(view.zone):%-d %b}" if row.first else fmt.DASH,
    }
    name = html.Th(
        html.Button(
            [
                html.I(className="dot", style={"background": tint(row.key)}),
                html.Span([html.B(row.name), html.Small(row.beside)] if row.key != NONE else html.B(row.name)),
                *([pill("new", "acc")] if row.is_new else []),
            ],
            type="button",
            title=row.name,
            **wild({"data-patch": row.patch}),
        ),
        scope="row",
        className="txt",
    )
    course = html.Img(src=spark(row.course, tint(row.key)), alt="") if any(row.course) else ""
    return html.Tr(
        [
            name, html.Td(course, className="course"),
            *(html.Td(cells[key], className="num dim" if cells[key] == fmt.DASH else "num") for key in columns),
        ],
        **wild({"data-cluster": str(row.key)}),
    )  # fmt: skip
