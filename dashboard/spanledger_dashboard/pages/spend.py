"""Spend: where the money went, to the last digit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from dash import Dash, Output, html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.figures.base import PALETTE, colour
from spanledger_dashboard.figures.spend import stack
from spanledger_dashboard.page import Page, Render, content, drawn, first
from spanledger_dashboard.pages import spend_bills, spend_classes, spend_matrix, spend_month, spend_why
from spanledger_dashboard.pages.spend_table import spend_grid
from spanledger_dashboard.parts import states
from spanledger_dashboard.parts.bar import FILTERS
from spanledger_dashboard.parts.basics import card, legend, link, switch, time_chart
from spanledger_dashboard.parts.header import copy_link, header, subtitle
from spanledger_dashboard.parts.kpi import Better, Kpi, strip
from spanledger_dashboard.periods import MAX_BANDS, Clock, by_label, clock, sums
from spanledger_dashboard.view import View
from spanledger_store.reports.buckets import HOUR, Bucketing, Calendar, fixed
from spanledger_store.reports.calls import EVERY_GROUP, Totals
from spanledger_store.scope import Dimension

GROUPS = {"customer": "Customer", "model": "Model", "feature": "Feature", "team": "Team", "provider": "Provider"}
MODES = {"absolute": "USD", "share": "%", "cumulative": "Cumulative"}
STEPS = {"hour": "Hour", "day": "Day", "week": "Week"}
MAX_HOURS = timedelta(days=15)
LOWER: Sequence[tuple[str, int, Render]] = (
    ("spend-why-card", 360, spend_why.render),
    ("spend-matrix", 320, spend_matrix.render),
    ("spend-classes", 220, spend_classes.render),
    ("spend-bills", 120, spend_bills.render),
)
"""Cards below the fold (id, height of the skeleton, what draws it): drawn once the rest is there."""


def skeleton() -> Component:
    """The page before its data."""
    return html.Div(
        [
            header(
                "Spend",
                "spend-sub",
                [copy_link()],
                crumbs="spend-crumbs",
            ),
            html.Div(states.bone_strip(4), id="spend-month"),
            html.Div(
                states.loading(states.bone_strip(5), states.bone_card(340), states.bone_card(320)),
                id="spend-body",
                className="pg",
            ),
            drawn("spend-body"),
            *(html.Div(states.bone_card(height), id=name, className="pg") for name, height, _ in LOWER),
        ],
        className="pg",
    )


def bucketing(view: View) -> tuple[str, Bucketing]:
    """The step the URL asks for, or the one that suits the range: its name and the buckets."""
    scope = view.scope
    length = scope.end - scope.start
    suited = "hour" if length <= timedelta(days=3) else "day" if length <= timedelta(days=100) else "week"
    step = view.choice("step", STEPS, suited)
    if step == "hour" and length > MAX_HOURS:
        step = "day"
    if step == "hour":
        return step, fixed(HOUR, scope.start, view.zone)
    return step, Bucketing(view.zone, calendar=Calendar(step))


async def render(data: Data, view: View) -> Sequence[Any]:
    """Breadcrumb, subtitle and body of the page."""
    by = Dimension(view.choice("by", GROUPS, "customer"))
    step, buckets = bucketing(view)
    at = clock(view, buckets)
    now, before = view.scope, view.scope.previous()
    # Every value there is, and no latency: sums are read by the day where days are whole.
    total, groups = await asyncio.gather(data.totals(now, brief=True), data.groups(now, by, EVERY_GROUP, brief=True))
    if not total.calls:
        latest = await data.latest_span(view.project)
        body = (
            states.no_data(view.project, data.settings.endpoint)
            if latest is None
            else states.no_match(latest, view.zone, bool(view.filters))
        )
        return crumbs(view, by), subtitle(view), body
    spend = await data.spend_series(now, by, buckets, groups["label"].head(MAX_BANDS).to_list())
    prior_total, prior_groups, prior_series = None, {}, None
    if view.compare and await data.covers(before):
        prior_total, frame, series = await asyncio.gather(
            data.totals(before, brief=True),
            data.groups(before, by, EVERY_GROUP, brief=True),
            data.series(before, buckets, brief=True),
        )
        prior_groups = by_label(frame)
        prior_series = sums(Clock.of(before, buckets).totals(series)) if prior_total.calls else None
    return (
        crumbs(view, by),
        subtitle(view),
        [
            kpis(view, by, total, prior_total, by_label(groups)),
            chart(view, by, step, at, groups, spend, prior_series),
            table(view, by, total, groups, prior_groups),
        ],
    )


def crumbs(view: View, by: Dimension) -> list[Component | str]:
    """The way down: every filter in the order it was set, each a link back up to it."""
    steps = [(key, value) for key, value in view.pairs if key in GROUPS]
    if not steps:
        return []
    none: dict[str, str | None] = dict.fromkeys(GROUPS)
    trail: list[Component | str] = [html.A("All spend", href=view.href(**none, by=steps[0][0]))]
    for index, (key, value) in enumerate(steps):
        name = value if value != "(none)" else fmt.UNATTRIBUTED
        later: dict[str, str | None] = {k: None for k, _ in steps[index + 1 :] if k not in dict(steps[: index + 1])}
        last = index == len(steps) - 1
        label = f"{FILTERS[Dimension(key)]}: {name}"
        trail += [" / ", html.Span(label) if last else html.A(label, href=view.href(**later, by=by.value))]
    return trail


def kpis(view: View, by: Dimension, now: Totals, before: Totals | None, groups: Mapping[str, Totals]) -> Component:
    """Spend, what it bought, and what the books cannot say."""
    nobody = groups.get("")
    unattributed = nobody.priced_cost if nobody else Decimal(0)
    unpriced = now.unpriced_calls / now.calls

    def change(read: Any) -> float | None:
        if before is None or not before.calls:
            return None
        new, old = read(now), read(before)
        return None if new is None or old is None else fmt.change(float(new), float(old))

    dollars, dot, cents = fmt.money(now.cost, "unpriced").partition(".")
    calls, unit = fmt.short(now.calls)
    size, size_unit = fmt.short(now.all_tokens)
    return strip(
        [
            Kpi(
                "Spend", dollars, dot + cents, change(lambda t: t.cost), Better.DOWN, PALETTE[0],
                hint=f"Exactly {fmt.exact(now.priced_cost)} USD over priced calls",
            ),
            Kpi("Calls", calls, unit, change(lambda t: t.calls), Better.UP, href=view.href("/traces")),
            Kpi(
                "Cost / call", fmt.money(now.cost_per_call), "", change(lambda t: t.cost_per_call), Better.DOWN,
                hint="Per priced call",
            ),
            Kpi("Tokens", size, size_unit, change(lambda t: t.all_tokens), Better.NEITHER),
            Kpi(
                f"No {GROUPS[by.value].lower()}", fmt.money(unattributed),
                f" {fmt.share(float(unattributed / now.priced_cost))}" if now.priced_cost else "",
                href=view.only(by, "", "/traces"), hint="Spend of calls that name none",
            ),
            Kpi(
                "Unpriced calls", fmt.count(now.unpriced_calls), f" {fmt.share(unpriced)}",
                hint="Calls to models without a known price: their cost is unknown, not zero",
            ),
        ]
    )  # fmt: skip


def chart(
    view: View,
    by: Dimension,
    step: str,
    at: Clock,
    groups: pl.DataFrame,
    spend: pl.DataFrame,
    prior: Sequence[float] | None,
) -> Component:
    """Stacked bars over time."""
    mode = view.choice("mode", MODES, "absolute")
    bands = at.bands(spend, groups["label"].to_list())
    figure = stack(at.local, bands, prior, bars=True, share=mode == "share", cumulative=mode == "cumulative")
    tints = [(band.label, colour(rank)) for rank, band in enumerate(bands)]
    return card(
        f"Spend by {GROUPS[by.value].lower()}",
        html.Div(
            [
                time_chart("spend-bars", figure, 300, f"Spend by {by.value} per {step}"),
                legend(tints, prior=prior is not None and mode != "share"),
            ],
            className="cb",
        ),
        right=[
            switch("Step", STEPS, step, {key: view.href(step=key) for key in STEPS}),
            switch("Scale", MODES, mode, {key: view.href(mode=key) for key in MODES}),
            switch("Group by", GROUPS, by.value, {key: view.href(by=key) for key in GROUPS}),
        ],
    )


def table(view: View, by: Dimension, total: Totals, groups: pl.DataFrame, prior: Mapping[str, Totals]) -> Component:
    """Every value of the dimension; a click goes one level down."""
    rest = [key for key in GROUPS if Dimension(key) not in view.filters and key != by.value]
    down = rest[0] if rest else by.value

    def href(label: str) -> str:
        return view.only(by, label, by=down)

    files = [
        link(name, view.href(f"/export/{file}", **more), "download", download="")
        for name, file, more in (
            ("CSV", "spend.csv", {"by": by.value}),
            ("Parquet", "spend.parquet", {"by": by.value}),
            ("FOCUS", "focus.parquet", {}),
        )
    ]
    return card(
        f"{GROUPS[by.value]}s",
        html.Div(spend_grid(GROUPS[by.value], total, by_label(groups), prior, href), style={"paddingTop": 6}),
        beside=[html.Span(fmt.count(groups.height), className="dim num")],
        right=files,
    )


def register(app: Dash, data: Data) -> None:
    """Wire the page."""
    outputs = [
        Output("spend-crumbs", "children"), Output("spend-sub", "children"), Output("spend-body", "children")
    ]  # fmt: skip
    content(app, data, "/spend", outputs, render)
    content(app, data, "/spend", [Output("spend-month", "children")], spend_month.render)
    first(app, "spend-body")
    for name, _, lower in LOWER:
        content(app, data, "/spend", [Output(name, "children")], lower, after="spend-body")


PAGE = Page("/spend", "Spend", skeleton, register, icon="circle-dollar-sign", section="Cost")
