"""Anomalies: changes of cost that nobody planned, the dearest first, each with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from dash import Dash, Output, html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.page import Page, content
from spanledger_dashboard.pages.anomaly_cards import anomaly_card
from spanledger_dashboard.parts import states
from spanledger_dashboard.parts.basics import switch
from spanledger_dashboard.parts.header import copy_link, header, subtitle
from spanledger_dashboard.parts.kpi import Kpi, strip
from spanledger_dashboard.view import View

SHOWN: Mapping[str, tuple[str, ...]] = {
    "found": ("open", "ended", "settled"),
    "open": ("open",),
    "known": ("open", "ended", "settled", "known", "withdrawn"),
}
NAMES = {"found": "Found", "open": "Open", "known": "With known"}
MAX_CARDS = 20


def skeleton() -> Component:
    """The page before its data."""
    return html.Div(
        [
            header("Anomalies", "anomalies-sub", [copy_link()]),
            html.Div(states.loading(states.bone_strip(4), states.bone_card(320)), id="anomalies-body", className="pg"),
        ],
        className="pg",
    )


async def render(data: Data, view: View) -> Sequence[Any]:
    """Subtitle and body of the page."""
    which = view.choice("state", SHOWN, "found")
    where = {dimension.value: values[0] for dimension, values in view.filters.items() if len(values) == 1}
    found = await data.anomalies(view.project, view.range.start, view.range.end, SHOWN[which], where)
    choice = switch("Which", NAMES, which, {key: view.href(state=key) for key in NAMES})
    if not found:
        return subtitle(view), [html.Div(choice, className="bar-form"), none_found(which)]
    found.sort(key=lambda each: -abs(Decimal(each["impact_usd"] or 0)))
    body: list[Any] = [kpis(found), html.Div(choice, className="bar-form")]
    body += [anomaly_card(view, each) for each in found[:MAX_CARDS]]
    if len(found) > MAX_CARDS:
        rest = (
            f"{len(found) - MAX_CARDS:,} smaller ones are not shown: choose a shorter range, or ask the command line."
        )
        body.append(html.P(rest, className="dim"))
    return subtitle(view), body


def kpis(found: Sequence[Mapping[str, Any]]) -> Component:
    """How many, how bad, and how much money."""
    money = [Decimal(each["impact_usd"]) for each in found if each["impact_usd"] is not None]
    lost = sum((each for each in money if each > 0), Decimal(0))
    saved = -sum((each for each in money if each < 0), Decimal(0))
    return strip(
        [
            Kpi("Anomalies", fmt.count(len(found))),
            Kpi("Open", fmt.count(sum(each["state"] == "open" for each in found)), hint="They still last"),
            Kpi("Of high severity", fmt.count(sum(each["severity"] == "high" for each in found))),
            Kpi("More than usual", fmt.money(lost), hint="What they have cost beyond the expected"),
            Kpi("Less than usual", fmt.money(saved), hint="What falls have saved"),
        ]
    )


def none_found(which: str) -> Component:
    """Nothing was out of the ordinary, as far as the detector can tell yet."""
    return states.nothing_set(
        "shield-check",
        "Nothing open" if which == "open" else "Nothing out of the ordinary",
        "Cost is looked at every quarter of an hour, in every slice of customer, feature and model. Rates are judged "
        "after about a week of calls, numbers of calls after about three. To look at once:",
        "spanledger jobs run anomalies",
    )


def register(app: Dash, data: Data) -> None:
    """Wire the page."""
    content(
        app, data, "/anomalies", [Output("anomalies-sub", "children"), Output("anomalies-body", "children")], render
    )


PAGE = Page("/anomalies", "Anomalies", skeleton, register, icon="triangle-alert", section="Cost")
