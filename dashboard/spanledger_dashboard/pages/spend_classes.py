"""What money bought, on the Spend page: classes of tokens, what caching saved, and what was spent for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.pages.spend_table import NAMES
from spanledger_dashboard.parts.basics import card
from spanledger_dashboard.parts.sheet import Column, sheet
from spanledger_dashboard.view import View
from spanledger_store.reports.caching import Caching
from spanledger_store.reports.calls import COST_CLASSES, TOKEN_CLASSES, Totals
from spanledger_store.reports.units import Units
from spanledger_store.reports.waste import Waste
from spanledger_store.scope import Dimension

WASTED = {
    "retried": "Failed, and tried again",
    "failed": "Failed",
    "blocked": "Blocked by a filter or guardrail",
    "abandoned": "Stream abandoned",
    "truncated": "Cut off at the token limit",
    "useful": "Useful",
}
MILLION = Decimal(1_000_000)


async def render(data: Data, view: View) -> Sequence[Any]:
    """Four cards; none where there are no calls."""
    scope = view.scope
    if view.filters.get(Dimension.TAG):
        # A call may have several tags: its units would count several times.
        total, caching, waste = await asyncio.gather(
            data.totals(scope, brief=True), data.caching(scope), data.waste(scope)
        )
        units: list[Units] = []
    else:
        total, caching, waste, units = await asyncio.gather(
            data.totals(scope, brief=True), data.caching(scope), data.waste(scope), data.units(scope)
        )
    if not total.calls:
        return [[]]
    return [
        [
            html.Div([classes_card(total), caching_card(view, caching)], className="row halves"),
            html.Div([waste_card(view, waste), units_card(units)], className="row halves"),
        ]
    ]


def classes_card(total: Totals) -> Component:
    """Tokens of each class, their cost, and what a million of them cost."""
    rows: list[list[Any]] = []
    for name in TOKEN_CLASSES:
        tokens, cost = total.tokens[name], total.costs.get(name)
        if not tokens and not cost:
            continue
        rows.append(
            [
                NAMES[name],
                fmt.tokens(tokens),
                "in output" if name not in COST_CLASSES else fmt.money(cost),
                fmt.money(cost / tokens * MILLION) if cost and tokens else fmt.DASH,
                fmt.share(float(cost / total.priced_cost)) if cost and total.priced_cost else fmt.DASH,
            ]
        )
    columns = [Column("Class", number=False), Column("Tokens"), Column("Cost"), Column("Per million"), Column("Share")]
    last = ["Total", fmt.tokens(total.all_tokens), fmt.money(total.cost, "unpriced"), "", ""]
    return card("Classes of tokens", html.Div(sheet(columns, rows, "Classes of tokens", total=last), className="cb"))


def caching_card(view: View, found: Sequence[Caching]) -> Component:
    """What providers' caches saved, what writing cost more, and what of it was lost; what was missed is advice."""
    advice = html.P(
        ["What could have been cached and was not: ", html.A("Advice", href=view.href("/advice"), className="link")],
        className="note",
    )
    if not found:
        return card("Prompt caching", html.Div([html.P("No call read or wrote a provider's cache.", className="dim"),
                                                advice], className="cb"))  # fmt: skip
    (one,) = found
    rows: list[list[Any]] = [
        ["Saved by reading", fmt.tokens(one.read_tokens), fmt.money(one.saved_usd)],
        ["Paid more for writing", fmt.tokens(one.write_tokens), fmt.money(one.premium_usd)],
        ["of it for what nobody read", "", fmt.money(one.lost_usd)],
    ]
    notes = [
        f"{fmt.tokens(count)} tokens {said}."
        for count, said in (
            (one.estimated_tokens, "at the price that calls beside them paid for input"),
            (one.unknown_tokens, "have no price to compare with, and are in no amount"),
        )
        if count
    ]
    columns = [Column("Cache", number=False), Column("Tokens"), Column("US$")]
    table = sheet(columns, rows, "Prompt caching", total=["Worth in the end", "", fmt.money(one.net_usd)])
    return card("Prompt caching", html.Div([table, *(html.P(each, className="note") for each in notes), advice],
                                           className="cb"))  # fmt: skip


def waste_card(view: View, found: Sequence[Waste]) -> Component:
    """Calls by what became of them; the useful ones are the rest of the total."""
    rows: list[list[Any]] = []
    for each in found:
        if each.kind == "useful" or not each.calls:
            continue
        errors = each.kind in {"retried", "failed"}
        name = WASTED[each.kind]
        rows.append(
            [
                html.A(name, href=view.href("/traces", errors="1")) if errors else name,
                fmt.count(each.calls),
                fmt.money(each.cost_usd, "unknown"),
            ]
        )
    bad = [each for each in found if each.kind != "useful"]
    spent = sum((each.priced_cost for each in found), Decimal(0))
    lost = sum((each.priced_cost for each in bad), Decimal(0))
    if not rows:
        body: Any = html.P("Every call was useful.", className="dim")
    else:
        share = fmt.share(float(lost / spent)) if spent else fmt.DASH
        columns = [Column("What became of calls", number=False), Column("Calls"), Column("Cost")]
        last = [f"Wasted, {share} of spend", fmt.count(sum(each.calls for each in bad)), fmt.money(lost)]
        body = sheet(columns, rows, "Spend that bought nothing", total=last)
    return card("Spend that bought nothing", html.Div(body, className="cb"))


def units_card(found: Sequence[Units]) -> Component:
    """What a call, a session, an active user and a thousand tokens cost."""
    if not found:
        return card("Unit costs", html.Div(html.P("Not known for a tag: a call may have several.", className="dim"),
                                           className="cb"))  # fmt: skip
    (one,) = found
    rows: list[list[Any]] = [
        ["Call", fmt.count(one.calls), fmt.money(one.cost_per_call)],
        ["Session", fmt.count(one.sessions), fmt.money(one.cost_per_session)],
        ["Active user", fmt.count(one.users), fmt.money(one.cost_per_user)],
        ["1,000 tokens", fmt.tokens(one.priced_tokens), fmt.money(one.cost_per_1k_tokens)],
    ]
    columns = [Column("Unit", number=False), Column("There were"), Column("Cost of one")]
    return card("Unit costs", html.Div(sheet(columns, rows, "Unit costs"), className="cb"))
