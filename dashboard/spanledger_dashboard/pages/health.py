"""Health: what became of everything that was sent, whether it adds up, and what to do where it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dash import Dash, Output, html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.figures.base import ERROR, OTHER, PALETTE
from spanledger_dashboard.figures.outcomes import outcomes_over_time
from spanledger_dashboard.page import Page, content
from spanledger_dashboard.pages.health_cards import checks_card, jobs_card, keys_card, quarantine_card, spools_card
from spanledger_dashboard.parts import states
from spanledger_dashboard.parts.basics import card, legend, pill, time_chart
from spanledger_dashboard.parts.flow import Part, Stage, flow
from spanledger_dashboard.parts.header import copy_link, header, subtitle
from spanledger_dashboard.view import View
from spanledger_store.reports.accounting import SPANS, Account, Entry, by

STORED, WAITING, ASIDE, REFUSED, REPEATED = PALETTE[1], PALETTE[0], PALETTE[2], PALETTE[3], PALETTE[4]
NAMES = {"logs": "log records", "metrics": "data points"}
# Beyond this one bar is a UTC day.
HOURLY = timedelta(days=8)


def skeleton() -> Component:
    """The page before its data."""
    return html.Div(
        [
            header("Health", "health-sub", [copy_link()]),
            html.Div(states.loading(states.bone_card(190), states.bone_card(240)), id="health-body", className="pg"),
            html.Div([states.bone_card(260)], id="health-checks", className="pg"),
        ],
        className="pg",
    )


async def render(data: Data, view: View) -> Sequence[Any]:
    """Subtitle and body of the page."""
    start, end = view.range.start, view.range.end
    found, drops, keys, last, spools, held = await asyncio.gather(
        data.accounts(view.project, start, end),
        data.drops(view.project, start, end),
        data.ingest_keys(view.project),
        data.last_received(view.project),
        data.spools(),
        data.quarantined(view.project),
    )
    jobs = await data.jobs()
    spans = [entry for entry in found if entry.signal == SPANS]
    return subtitle(view), [
        flow_card(by(found, lambda entry: entry.signal), drops),
        html.Div(
            [
                time_card(view, spans),
                html.Div(
                    [spools_card(view, spools), jobs_card(view, jobs), quarantine_card(view, held)], className="pg"
                ),
            ],
            className="row two-one",
        ),
        keys_card(view, spans, keys, last),
    ]


def flow_card(sums: Mapping[str, Account], drops: Sequence[tuple[str, str, int]]) -> Component:
    """From sent to stored, with every number, and whether they add up."""
    spans = sums.get(SPANS, Account())
    missing = sum(account.missing for account in sums.values())
    verdict = pill("adds up", "ok") if not missing else pill(f"{missing:,} missing", "bad")
    stages = [
        Stage("Received", "in requests answered 200", [
            Part("acknowledged", spans.acknowledged, WAITING, True), Part("repeated", spans.repeated, REPEATED),
            Part("refused", spans.refused, REFUSED, True),
        ]),
        Stage("Acknowledged", "on disk before the answer", [
            Part("stored", spans.stored, STORED, True), Part("waiting in the spool", spans.waiting, WAITING, True),
            Part("in quarantine", spans.quarantined, ASIDE, True), Part("missing", max(0, spans.missing), ERROR),
        ]),
        Stage("Stored", "rows of their own, now", [
            Part("in the store", min(spans.present or 0, spans.stored), STORED, True),
            Part("sent again, deleted or expired", spans.absent or 0, OTHER),
        ]),
    ]  # fmt: skip
    if spans.exported is not None or spans.dropped is not None:
        parts = [
            Part("delivered", spans.exported or 0, WAITING, True),
            Part("dropped", spans.dropped or 0, ERROR, True),
        ]
        stages.insert(0, Stage("SDKs say", "those that report themselves", parts))
    notes = [
        f"{fmt.count(spans.unpriced or 0)} in the store are unpriced, {fmt.count(spans.truncated or 0)} truncated."
    ]
    notes += [
        f"{fmt.count(account.acknowledged)} {NAMES.get(signal, signal)} were acknowledged, "
        f"{fmt.count(account.waiting)} wait, {fmt.count(account.stored)} are stored, "
        f"{fmt.count(account.quarantined)} in quarantine."
        for signal, account in sums.items()
        if signal != SPANS
    ]
    notes += [
        f"{service or 'An unnamed service'} dropped {fmt.count(n)}: {reason}." for service, reason, n in drops[:5]
    ]
    if spans.exported is None and spans.dropped is None:
        notes.append("No SDK has reported what it dropped itself: unknown.")
    body = html.Div([flow(stages), html.P(" ".join(notes), className="dim")], className="cb")
    return card("What became of every span", body, beside=[verdict])


def time_card(view: View, spans: Sequence[Entry]) -> Component:
    """Outcomes by hour of receipt; by UTC day where the range is long."""
    daily = view.range.end - view.range.start > HOURLY
    step = timedelta(days=1) if daily else timedelta(hours=1)

    def bucket(moment: datetime) -> datetime:
        return moment.replace(hour=0) if daily else moment

    sums = by(spans, lambda entry: bucket(entry.hour))
    starts: list[datetime] = []
    at = bucket(view.range.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0))
    while at < view.range.end:
        starts.append(at)
        at += step
    accounts = [sums.get(start, Account()) for start in starts]
    bands = {
        "stored": (STORED, [each.stored for each in accounts]),
        "waiting": (WAITING, [each.waiting for each in accounts]),
        "in quarantine": (ASIDE, [each.quarantined for each in accounts]),
        "refused": (REFUSED, [each.refused for each in accounts]),
        "repeated": (REPEATED, [each.repeated for each in accounts]),
        "dropped by SDKs": (ERROR, [each.dropped or 0 for each in accounts]),
        "missing": (OTHER, [max(0, each.missing) for each in accounts]),
    }
    figure = outcomes_over_time([start.astimezone(view.zone) for start in starts], bands)
    shown = [(name, tint) for name, (tint, values) in bands.items() if any(values)]
    name = "day" if daily else "hour"
    chart = time_chart("health-outcomes", figure, 300, f"What became of spans, by {name} of receipt")
    return card(f"By {name} of receipt", html.Div([chart, legend(shown)], className="cb"))


async def render_checks(data: Data, view: View) -> Sequence[Any]:
    """The checks of `spanledger doctor`."""
    made, found = await data.checks()
    return [[checks_card(view, made, found)]]


def register(app: Dash, data: Data) -> None:
    """Wire the page; the checks come by themselves, as they may take long."""
    content(app, data, "/health", [Output("health-sub", "children"), Output("health-body", "children")], render)
    content(app, data, "/health", [Output("health-checks", "children")], render_checks)


PAGE = Page("/health", "Health", skeleton, register, icon="shield-check", section="Workspace")
