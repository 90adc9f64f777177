"""Overview: what was spent, on what, how fast and how well."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from dash import Dash, Output, html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.figures.base import PALETTE, colour
from spanledger_dashboard.figures.latency import PERCENTILE_COLOURS, percentiles
from spanledger_dashboard.figures.spend import stack
from spanledger_dashboard.page import Page, content
from spanledger_dashboard.parts import states
from spanledger_dashboard.parts.basics import card, legend, link, switch, time_chart
from spanledger_dashboard.parts.header import copy_link, header, subtitle
from spanledger_dashboard.parts.kpi import Better, Kpi, strip
from spanledger_dashboard.parts.lists import Entry, bar_list
from spanledger_dashboard.parts.table import BAR, grid, name_column, number_column, text_column
from spanledger_dashboard.periods import Clock, by_label, clock, course, sums
from spanledger_dashboard.view import View
from spanledger_store.reports.calls import Totals, totals_of
from spanledger_store.scope import Dimension

GROUPS = {"model": "Model", "customer": "Customer", "feature": "Feature"}
TOP_CUSTOMERS = 10
SLOW_NS, FAILING = 5e9, 0.02


def skeleton() -> Component:
    """The page before its data."""
    return html.Div(
        [
            header("Overview", "overview-sub", [copy_link()]),
            html.Div(
                states.loading(states.bone_strip(6), states.bone_card(330), states.bone_card(300)),
                id="overview-body",
                className="pg",
            ),
        ],
        className="pg",
    )


async def render(data: Data, view: View) -> Sequence[Any]:
    """Subtitle and body of the page."""
    now, before = view.scope, view.scope.previous()
    by = Dimension(view.choice("by", GROUPS, "model"))
    at = clock(view)
    total, series, spend, customers, features = await asyncio.gather(
        data.totals(now),
        data.series(now, at.buckets),
        data.spend_series(now, by, at.buckets),
        data.groups(now, Dimension.CUSTOMER),
        data.groups(now, Dimension.FEATURE),
    )
    if not total.calls:
        latest = await data.latest_span(view.project)
        if latest is None:
            return subtitle(view), states.no_data(view.project, data.settings.endpoint)
        return subtitle(view), states.no_match(latest, view.zone, bool(view.filters))
    earlier = Clock.of(before, at.buckets)
    prior_total, prior_series, prior_customers = None, None, {}
    if view.compare and await data.covers(before):
        prior_total, frame, groups = await asyncio.gather(
            data.totals(before), data.series(before, at.buckets), data.groups(before, Dimension.CUSTOMER)
        )
        prior_series = earlier.totals(frame) if prior_total.calls else None
        prior_customers = by_label(groups)
    course_now = at.totals(series)
    return subtitle(view), [
        kpis(view, total, prior_total, course_now, prior_series),
        html.Div(
            [
                spend_card(view, by, at, total, spend, prior_series),
                customers_card(view, customers, prior_customers),
            ],
            className="row two-one",
        ),
        html.Div(
            [latency_card(at, course_now, features.height), features_card(view, features)], className="row one-two"
        ),
    ]


def kpis(
    view: View,
    now: Totals,
    before: Totals | None,
    series: Sequence[Totals | None],
    prior: Sequence[Totals | None] | None,
) -> Component:
    """The six headline numbers."""

    def change(read: Any) -> float | None:
        if before is None or not before.calls:
            return None
        new, old = read(now), read(before)
        return None if new is None or old is None else fmt.change(float(new), float(old))

    def per_thousand(totals: Totals) -> Any:
        return None if totals.cost_per_call is None else totals.cost_per_call * 1000

    requests, unit = fmt.short(now.calls)
    dollars, dot, cents = fmt.money(now.cost, "unpriced").partition(".")
    latency = fmt.duration(now.p95_ns)
    return strip(
        [
            Kpi(
                "Spend",
                dollars,
                dot + cents,
                change(lambda t: t.cost),
                Better.DOWN,
                PALETTE[0],
                sums(series),
                sums(prior) if prior else None,
                view.href("/spend"),
                hint="Sum of the ledger over priced calls",
                note=f"{fmt.count(now.unpriced_calls)} unpriced" if now.unpriced_calls else "",
            ),
            Kpi(
                "Requests",
                requests,
                unit,
                change(lambda t: t.calls),
                Better.UP,
                PALETTE[1],
                [float(t.calls) if t else 0.0 for t in series],
                href=view.href("/traces"),
                hint="Billable calls to models",
            ),
            Kpi(
                "Cost / 1k requests",
                fmt.money(per_thousand(now)),
                "",
                change(per_thousand),
                Better.DOWN,
                PALETTE[4],
                course(series, per_thousand),
                href=view.href("/spend"),
                hint="Spend per thousand priced calls",
            ),
            Kpi(
                "Error rate",
                fmt.share(now.error_rate, 2).rstrip("%"),
                "%",
                change(lambda t: t.error_rate),
                Better.DOWN,
                PALETTE[3],
                course(series, lambda t: t.error_rate),
                href=view.href("/traces", errors="1"),
                hint="Failed calls per call",
            ),
            Kpi(
                "Latency p95",
                latency.rstrip("µmsh") if " " not in latency else latency,
                latency[len(latency.rstrip("µmsh")) :] if " " not in latency else "",
                change(lambda t: t.p95_ns),
                Better.DOWN,
                PALETTE[2],
                course(series, lambda t: t.p95_ns),
                href=view.href("/traces", order="slowest"),
                hint="95 of 100 calls were faster",
            ),
            Kpi(
                "Cache hit rate",
                fmt.share(now.cached_share).rstrip("%"),
                "%" if now.cached_share is not None else "",
                change(lambda t: t.cached_share),
                Better.UP,
                PALETTE[1],
                course(series, lambda t: t.cached_share),
                hint="Share of prompt tokens read from the provider's cache"
                f"; {fmt.count(now.cache_hits)} calls were answered by the application's own cache",
            ),
        ]
    )


def spend_card(
    view: View,
    by: Dimension,
    at: Clock,
    total: Totals,
    frame: pl.DataFrame,
    prior: Sequence[Totals | None] | None,
) -> Component:
    """Spend over time, stacked."""
    order = frame.group_by("label").agg(pl.col("cost").sum()).sort(["cost", "label"], descending=[True, False])
    bands = at.bands(frame, order["label"].to_list())
    figure = stack(at.local, bands, sums(prior) if prior else None)
    tints = [(band.label, colour(rank)) for rank, band in enumerate(bands)]
    return card(
        f"Spend by {GROUPS[by.value].lower()}",
        html.Div(
            [
                time_chart("overview-spend", figure, 286, f"Spend over time by {by.value}"),
                legend(tints, prior=prior is not None),
            ],
            className="cb",
        ),
        beside=[html.Span(fmt.money(total.cost, "unpriced"), className="dim num")],
        right=[switch("Group spend by", GROUPS, by.value, {key: view.href(by=key) for key in GROUPS})],
    )


def customers_card(view: View, frame: pl.DataFrame, prior: Mapping[str, Totals]) -> Component:
    """The customers most was spent on."""
    entries: list[Entry] = []
    for row in frame.head(TOP_CUSTOMERS).iter_rows(named=True):
        now = totals_of(row)
        before = prior.get(row["label"])
        change = fmt.change(float(now.priced_cost), float(before.priced_cost)) if before else None
        entries.append(
            Entry(
                row["label"],
                float(now.priced_cost),
                fmt.money(now.cost, "unpriced"),
                fmt.signed(change) if view.compare else "",
                "bad" if (change or 0) > 0.2 else "",
                view.only(Dimension.CUSTOMER, row["label"], "/spend", by="feature"),
            )
        )
    return card(
        "Top customers",
        html.Div(bar_list("Customer", "Spend", "Change" if view.compare else "", entries), className="cb"),
        right=[html.A("View all", href=view.href("/spend", by="customer"), className="dim link")],
    )


def latency_card(at: Clock, series: Sequence[Totals | None], beside: int) -> Component:
    """Percentiles over time, as tall as the grid of `beside` rows next to it."""
    height = max(268, min(34 * beside, 34 * 14) - 12)
    lines = {
        name: [None if ns is None else ns / 1e9 for ns in course(series, lambda t, key=f"{name}_ns": getattr(t, key))]
        for name in PERCENTILE_COLOURS
    }
    return card(
        "Latency percentiles",
        html.Div(
            [
                time_chart("overview-latency", percentiles(at.local, lines), height, "Latency percentiles over time"),
                legend(list(PERCENTILE_COLOURS.items())),
            ],
            className="cb",
        ),
    )


def features_card(view: View, frame: pl.DataFrame) -> Component:
    """What each feature costs and how it behaves."""
    rows: list[dict[str, Any]] = []
    top = max((float(cost) for cost in frame["cost_usd"]), default=0.0) or 1.0
    for row in frame.iter_rows(named=True):
        now = totals_of(row)
        per_call = now.all_tokens / now.calls if now.calls else None
        rows.append(
            {
                "id": row["label"] or "(none)",
                "feature": row["label"],
                "none": fmt.UNATTRIBUTED,
                "team": row["teams"] or fmt.DASH,
                "requests": now.calls,
                "requests_text": fmt.count(now.calls),
                "spend": float(now.priced_cost),
                "spend_text": fmt.money(now.cost, "unpriced"),
                "share": float(now.priced_cost) / top,
                "unit": None if now.cost_per_call is None else float(now.cost_per_call),
                "unit_text": fmt.money(now.cost_per_call),
                "p95": now.p95_ns,
                "p95_text": fmt.duration(now.p95_ns),
                "tokens": per_call,
                "tokens_text": fmt.tokens(None if per_call is None else round(per_call)),
                "errors": now.error_rate,
                "errors_text": fmt.share(now.error_rate),
                "href": view.only(Dimension.FEATURE, row["label"], "/traces"),
            }
        )
    columns = [
        name_column("feature", "Feature"),
        text_column("team", "Team"),
        number_column("requests", "Requests", minWidth=96),
        number_column("spend", "Spend", sort="desc", minWidth=104, flex=1.1, cellStyle=BAR),
        number_column("unit", "$/req"),
        number_column("p95", "p95", minWidth=72, flex=0.8, cellClassRules={"bad": f"params.value > {SLOW_NS:.0f}"}),
        number_column("tokens", "Tok/req"),
        number_column("errors", "Errors", minWidth=76, flex=0.8, cellClassRules={"bad": f"params.value > {FAILING}"}),
    ]
    body = html.Div(grid("overview-features", columns, rows, "Spend by feature"), style={"paddingTop": 6})
    csv = link("CSV", view.href("/export/spend.csv", by="feature"), "download", download="")
    return card("Spend by feature", body, right=[csv])


def register(app: Dash, data: Data) -> None:
    """Wire the page."""
    content(app, data, "/", [Output("overview-sub", "children"), Output("overview-body", "children")], render)


PAGE = Page("/", "Overview", skeleton, register, icon="layout-dashboard", section="Monitor")
