"""Drift: whether what is asked and measured has changed, since when, and what it is; and comparisons at will."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dash import Dash, Output, html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.figures.evidence import evidence
from spanledger_dashboard.page import Page, content
from spanledger_dashboard.pages import drift_compare, drift_looked
from spanledger_dashboard.pages.drift_cards import drift_card
from spanledger_dashboard.parts import states
from spanledger_dashboard.parts.basics import card, switch, time_chart
from spanledger_dashboard.parts.header import copy_link, header, subtitle
from spanledger_dashboard.parts.kpi import Kpi, strip
from spanledger_dashboard.view import View

MAX_CARDS = 20
ALL_BEFORE, EVERYTHING = "", "all"
FAMILIES = {EVERYTHING: "Everything", **drift_looked.KINDS}


def skeleton() -> Component:
    """The page before its data."""
    return html.Div(
        [
            header("Drift", "drift-sub", [copy_link()]),
            html.Div(states.loading(states.bone_strip(4), states.bone_card(320)), id="drift-body", className="pg"),
            html.Div(states.bone_card(120), id="drift-compare", className="pg"),
            html.Div(id="drift-cards", className="pg"),
        ],
        className="pg",
    )


async def render(data: Data, view: View) -> Sequence[Any]:
    """Subtitle, cards of changes, and body of the page."""
    where = {dimension.value: values[0] for dimension, values in view.filters.items() if len(values) == 1}
    looks, newest, found, pinned = await asyncio.gather(
        data.drift_looks(view.project, view.range.start, view.range.end),
        data.drift_newest(view.project),
        data.drifts(view.project, view.range.start, view.range.end, where),
        data.baselines(view.project),
    )
    looks = [each for each in looks if all(each["slice"].get(name) == value for name, value in where.items())]
    if not newest and not found:
        return subtitle(view), [], drift_looked.never()
    names = {ALL_BEFORE: "All before", **{each.name: each.name for each in pinned}}
    base, family = view.choice("base", names, ALL_BEFORE), view.choice("family", FAMILIES, EVERYTHING)
    looks = [each for each in looks if each["baseline"] == base and family in (EVERYTHING, each["family"])]
    newest = [each for each in newest if each["baseline"] == base and family in (EVERYTHING, each["family"])]
    found = [each for each in found if _is_of(each["evidence"], base, family)]
    bar = [switch("What", FAMILIES, family, {key: view.href(family=key) for key in FAMILIES})]
    if pinned:
        bar.append(switch("Against", names, base, {key: view.href(base=key) for key in names}))
    switches = html.Div(bar, className="bar-form")
    if not looks and not found:
        return subtitle(view), [], [switches, drift_looked.missing(view, newest, where)]
    behind = drift_looked.behind(view, newest)
    body: list[Any] = [kpis(looks, found), switches, *behind, timeline(view, looks)]
    body += [drift_looked.slices(looks)] if looks else []
    cards: list[Any] = [drift_card(view, x) for x in found[:MAX_CARDS]]
    return subtitle(view), cards or [drift_looked.quiet(looks, is_behind=bool(behind))], body


def _is_of(told: Mapping[str, Any], base: str, family: str) -> bool:
    name = (told.get("baseline") or {}).get("name", "")
    return name == base and family in (EVERYTHING, told.get("quantity", "embedding"))


def kpis(looks: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> Component:
    """How often was looked, how much there was to look at, and what came of it."""
    tested = [each for each in looks if each["p_value"] is not None]
    whole = [each for each in tested if not each["slice"]]
    return strip(
        [
            Kpi("Changes", fmt.count(len(found)), hint="Told in this range"),
            Kpi("Looks", fmt.count(len(tested)), hint="Days compared with their baseline, in all slices and kinds"),
            Kpi("Sessions a day", fmt.count(_middle([each["sessions"] for each in whole])),
                hint="Messages of one session resemble each other: sessions are what counts"),
            Kpi("Too little to compare", fmt.count(len(looks) - len(tested)), hint="Looks with too few sessions"),
        ]
    )  # fmt: skip


def timeline(view: View, looks: Sequence[Mapping[str, Any]]) -> Component:
    """Evidence by day and slice, with the threshold."""
    lines: dict[str, list[tuple[datetime, float, bool]]] = {}
    for each in looks:
        at = datetime.fromisoformat(each["start"]).astimezone(view.zone)
        point = (at, each["evidence"] / each["threshold"], each["alarmed"])
        lines.setdefault(drift_looked.line(each), []).append(point)
    told = "Evidence of a change since the baseline began, by day and slice"
    hint = "a change is told where it reaches the line, unless a narrower slice explains it; grey never came near"
    return card(
        "Evidence",
        html.Div(time_chart("drift-evidence", evidence(lines), 290, told), className="cb"),
        beside=[html.Span(hint, className="dim")],
    )


def _middle(values: Sequence[int]) -> int | None:
    return sorted(values)[len(values) // 2] if values else None


def register(app: Dash, data: Data) -> None:
    """Wire the page."""
    outputs = [Output(name, "children") for name in ("drift-sub", "drift-cards", "drift-body")]
    content(app, data, "/drift", outputs, render)
    content(app, data, "/drift", [Output("drift-compare", "children")], drift_compare.render)


PAGE = Page("/drift", "Drift", skeleton, register, icon="git-compare-arrows", section="Quality")
