"""Advice: what would have saved money on the calls that were made, with what each number rests on."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from dash import Dash, Output, html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.page import Page, content
from spanledger_dashboard.pages.advice_cards import NAMES, advice_card, missing_card, smaller_card
from spanledger_dashboard.parts import states
from spanledger_dashboard.parts.basics import card, switch
from spanledger_dashboard.parts.header import copy_link, header, updated
from spanledger_dashboard.parts.kpi import Kpi, strip
from spanledger_dashboard.ranges import span_text
from spanledger_dashboard.view import View
from spanledger_store.outlook.advice import Advice, Kind
from spanledger_store.reports.advice import AdviceInvalid, AdviceRequest, Advised

PATH = "/advice"
DAYS = 30
MAX_CARDS = 12
ALL = "all"
NOTHING = "None of these would have made the calls cheaper, as far as it is known."
CHOICES = {ALL: "All", **{kind.value: NAMES[kind] for kind in Kind}}


def skeleton() -> Component:
    """The page before its data."""
    return html.Div(
        [
            header("Advice", "advice-sub", [copy_link()]),
            html.Div(
                states.loading(states.bone_strip(4), states.bone_card(220), states.bone_card(220)),
                id="advice-body",
                className="pg",
            ),
        ],
        className="pg",
    )


async def render(data: Data, view: View) -> Sequence[Any]:
    """Subtitle and body of the page: of the last 30 days, whatever range is chosen."""
    try:
        asked = AdviceRequest(view.project, view.now, DAYS, view.filters, can_wait=waiting(view))
    except AdviceInvalid as error:
        raise BadView(str(error)) from error
    found = await data.advice(asked)
    stretch = span_text(found.scope.start, found.scope.end, view.zone)
    sub = html.Span([f"The last {DAYS} days: {stretch}, {view.zone.key} · ", updated(view)])
    if not found.calls:
        latest = await data.latest_span(view.project)
        if latest is None:
            return [sub, states.no_data(view.project, data.settings.endpoint)]
        return [sub, states.no_match(latest, view.zone, bool(view.filters))]
    which = view.choice("kind", CHOICES, ALL)
    shown = [each for each in found.lines if which in (ALL, each.kind.value)]
    # Alternatives stand in the card of what they are alternatives to.
    best = {same_calls(each) for each in shown if each.is_best}
    heads = [each for each in shown if each.is_best or same_calls(each) not in best]
    rest = [each for each in shown if not each.is_best and same_calls(each) in best]
    choice = switch("Kind", CHOICES, which, {key: view.href(kind=key) for key in CHOICES})
    body: list[Any] = [
        kpis(found),
        html.Div(
            [choice, html.Span("Lines are about the same calls: they are not to be added.", className="dim")],
            className="bar-form",
        ),
    ]
    if not heads:
        body.append(card("Nothing found", html.Div(html.P(NOTHING, className="dim"), className="cb")))
    for each in heads[:MAX_CARDS]:
        others = [other for other in rest if each.is_best and same_calls(other) == same_calls(each)]
        body.append(advice_card(view, found.scope, each, others))
    if smaller := heads[MAX_CARDS:]:
        body.append(smaller_card(view, found.scope, smaller))
    lacks = [(kind, what) for kind, what in found.missing if which in (ALL, kind.value)]
    if lacks:
        body.append(missing_card(lacks))
    return [sub, body]


def waiting(view: View) -> tuple[str, ...]:
    """Features that the user says can wait, as the URL has them."""
    return tuple(value for key, value in view.pairs if key == "can_wait")


def same_calls(each: Advice) -> tuple[str, str, str, str]:
    """What alternatives have in common."""
    return each.kind.value, each.feature, each.provider, each.model


def kpis(found: Advised) -> Component:
    """What each kind would have saved of all that was spent, its best lines added; never over kinds."""
    items: list[Kpi] = []
    for kind in Kind:
        lines = [each for each in found.lines if each.kind is kind and each.saved_usd is not None and each.is_best]
        saved = sum((each.saved_usd for each in lines if each.saved_usd is not None), Decimal(0))
        part = f" {fmt.share(float(saved / found.cost))}" if saved and found.cost else ""
        hint = f"Over {len(lines):,} lines; of {fmt.money(found.cost)} spent"
        items.append(Kpi(NAMES[kind], fmt.money(saved) if lines else fmt.DASH, part, hint=hint))
    return strip(items)


def register(app: Dash, data: Data) -> None:
    """Wire the page."""
    content(app, data, PATH, [Output("advice-sub", "children"), Output("advice-body", "children")], render)


PAGE = Page(PATH, "Advice", skeleton, register, icon="sparkles", section="Cost")
