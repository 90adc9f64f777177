"""Why spend changed, on the Spend page: a sentence, a waterfall, and who did it."""

from __future__ import annotations

import calendar
import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.figures.waterfall_change import Step, waterfall
from spanledger_dashboard.parts.basics import card, linked_chart, switch
from spanledger_dashboard.parts.lists import Entry, bar_list
from spanledger_dashboard.ranges import span_text
from spanledger_dashboard.view import View
from spanledger_store.scope import Scope

AGAINST = {"previous": "Period before", "month": "A month before"}
MAX_CULPRITS = 6
# Steps below this share of all that moved are one bar.
SMALL = Decimal("0.01")
TITLE = "Why did it change"

Found = Mapping[str, Any]


async def render(data: Data, view: View) -> Sequence[Any]:
    """The card; nothing where nobody can explain, or nothing is compared."""
    if not view.compare:
        return [[]]
    which = view.choice("against", AGAINST, "previous")
    scope = view.scope
    other = scope.previous() if which == "previous" else a_month_before(scope, view.zone)
    choice = switch("Compare with", AGAINST, which, {key: view.href(against=key) for key in AGAINST})
    if not await data.covers(other):
        stretch = span_text(other.start, other.end, view.zone)
        return [told(choice, f"The books begin after {stretch}, which this would be compared with.")]
    try:
        found = await data.why(scope, other)
    except ValueError as error:
        return [told(choice, f"This cannot be told of the range and filters chosen: {error}.")]
    if found is None or (not Decimal(found["before"]) and not Decimal(found["after"])):
        return [[]]
    return [why_card(view, found, other, choice)]


def a_month_before(scope: Scope, zone: ZoneInfo) -> Scope:
    """The same days and hours of the month before; days that it lacks are its last."""
    return Scope(scope.project, _back(scope.start, zone), _back(scope.end, zone), scope.filters)


def _back(moment: datetime, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    year, month = (local.year - 1, 12) if local.month == 1 else (local.year, local.month - 1)
    day = min(local.day, calendar.monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day).astimezone(UTC)


def told(choice: Component, text: str) -> Component:
    """The card with a reason instead of an answer."""
    return card(TITLE, html.Div(html.P(text, className="dim"), className="cb"), right=[choice])


def why_card(view: View, found: Found, other: Scope, choice: Component) -> Component:
    """The sentence over the waterfall, the culprits and every term, each a way to its calls."""
    steps = leading(view, found)
    figure = waterfall(
        Step("Before", float(found["before"]), view.calls("/spend", {}, other.start, other.end)),
        steps,
        Step("Now", float(found["after"]), view.calls("/spend", {}, view.range.start, view.range.end)),
    )
    stretches = " beside ".join(span_text(scope.start, scope.end, view.zone) for scope in (view.scope, other))
    body = [
        html.P(found["sentence"], className="told"),
        html.Div(
            [
                linked_chart("spend-why", figure, 300, f"{found['sentence']} Its terms are listed below."),
                culprits(view, found["culprits"]),
            ],
            className="row two-one",
        ),
        html.Details([html.Summary("Every term"), terms(view, found)], className="more"),
    ]
    beside = [html.Span(stretches, className="dim num")]
    return card(TITLE, html.Div(body, className="cb"), beside=beside, right=[choice], kind="why")


def leading(view: View, found: Found) -> list[Step]:
    """The terms that can be seen, and the rest as one: together exactly the change."""
    amounts = [Decimal(each["amount"]) for each in found["terms"]]
    whole = sum(map(abs, amounts), Decimal(0))
    shown = [
        (each, amount) for each, amount in zip(found["terms"], amounts, strict=True) if abs(amount) > whole * SMALL
    ]
    steps = [Step(folded(each["label"]), float(amount), href(view, each)) for each, amount in shown]
    rest = Decimal(found["change"]) - sum((amount for _, amount in shown), Decimal(0))
    return [*steps, Step(folded("The rest"), float(rest))] if rest else steps


def folded(label: str) -> str:
    """The label in lines short enough to stand under a bar."""
    return "<br>".join(textwrap.wrap(label, 9, break_long_words=False))


def href(view: View, each: Found) -> str:
    """The calls that a term or a culprit is about."""
    start, end = (datetime.fromisoformat(each["period"][name]) for name in ("from", "to"))
    return view.calls("/traces", each["filters"], start, end)


def culprits(view: View, found: Sequence[Found]) -> Component:
    """Who changed in a way of their own, the most certain money first."""
    if not found:
        return html.P("Nobody stands out: all moved together, or there are too few calls to tell.", className="dim")
    return html.Div([culprit(view, each) for each in found[:MAX_CULPRITS]])


def culprit(view: View, each: Found) -> Component:
    """One slice: its name, what it did, what that is worth, and how much of the change it explains."""
    effect = Decimal(each["effect"])
    since = [f"since {name.replace('_', ' ')} {value}" for name, value in each["since"].items()]
    share = "" if each["explained"] is None else f"{each['explained']:.0%} of the change"
    return html.Div(
        [
            html.A(each["subject"], href=href(view, each)),
            html.B(signed(effect), className="num"),
            html.Span(", ".join([each["reason"], *since]), className="dim"),
            html.Span(share, className="dim num"),
        ],
        className="suspect",
    )


def terms(view: View, found: Found) -> Component:
    """All terms, which add up to the change to the last digit."""
    entries = [
        Entry(
            each["label"], abs(float(each["amount"])), signed(Decimal(each["amount"])),
            "" if each["share"] is None else fmt.share(each["share"], 0), "", href(view, each),
        )
        for each in sorted(found["terms"], key=lambda each: -abs(Decimal(each["amount"])))
        if Decimal(each["amount"])
    ]  # fmt: skip
    return bar_list("Term", "US$", "Of the change", entries)


def signed(amount: Decimal) -> str:
    """`+$12.40`, `−$0.0031`."""
    return f"{'−' if amount < 0 else '+'}{fmt.money(abs(amount))}"
