"""Budgets and forecast: how much of each is used, where it will end, what was refused because of it, and what if."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from shlex import quote
from typing import Any

from dash import Dash, Output, html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.page import Page, content, drawn, first
from spanledger_dashboard.pages import forecast
from spanledger_dashboard.pages.budget_cards import STATUS, budget_card, budget_table
from spanledger_dashboard.parts import states
from spanledger_dashboard.parts.header import copy_link, header, updated
from spanledger_dashboard.parts.kpi import Kpi, strip
from spanledger_dashboard.view import View
from spanledger_store.finance.budget_report import Standing

MAX_CARDS = 12
# What needs attention first.
ORDER = {status: rank for rank, status in enumerate(STATUS)}


def skeleton() -> Component:
    """The page before its data."""
    return html.Div(
        [
            header("Budgets & forecast", "budgets-sub", [copy_link()]),
            html.Div(states.loading(states.bone_strip(4), states.bone_card(300)), id="budgets-body", className="pg"),
            drawn("budgets-body"),
            *forecast.skeleton(),
        ],
        className="pg",
    )


async def render(data: Data, view: View) -> Sequence[Any]:
    """Subtitle and body of the page."""
    every = await data.budgets(view.project, view.now)
    found = sorted(filter(lambda each: concerns(view, each), every), key=urgency)
    if not found:
        return "", none_set(view, bool(every))
    body: list[Any] = [
        kpis(found),
        html.Div([budget_card(view, each) for each in found[:MAX_CARDS]], className="budgets"),
    ]
    if len(found) > MAX_CARDS:
        body.append(budget_table(view, found))
    return ["Each in its period of now · ", updated(view)], body


def concerns(view: View, standing: Standing) -> bool:
    """True where the budget's slice may hold what the page's filters let through."""
    budget, value = standing.state.budget, standing.state.value
    of = {**budget.slice, **({budget.per: value} if budget.per and value is not None else {})}
    return all(of.get(dimension.value, wanted[0]) in wanted for dimension, wanted in view.filters.items() if wanted)


def urgency(standing: Standing) -> tuple[int, float, str, str]:
    """Used up, then about to be, then by how much is used."""
    state = standing.state
    return ORDER.get(standing.status, len(ORDER)), -(state.share or 0.0), state.budget.name, state.value or ""


def kpis(found: Sequence[Standing]) -> Component:
    """How many there are and stand badly, and what refusing calls has saved."""
    used = sum(each.state.is_used_up for each in found)
    ahead = sum(each.is_breach_projected for each in found)
    refused = sum(each.blocked.calls for each in found)
    known = [each.blocked.saved for each in found if each.blocked.saved is not None]
    saved = sum(known, Decimal(0)) if known else None
    return strip(
        [
            Kpi("Budgets", fmt.count(len({each.state.budget.id for each in found})), hint="Set in this project"),
            Kpi("Used up", fmt.count(used), f" of {len(found):,}", hint="Nothing is left of these in their period"),
            Kpi("Will be", fmt.count(ahead), hint="Going to end above their limit at the pace they have"),
            Kpi("Refused calls", fmt.count(refused), hint="That applications did not make, in the periods of now"),
            Kpi(
                "Saved by that", fmt.money(saved),
                hint="What the refused calls would have cost, as far as that is known",
            ),
        ]
    )  # fmt: skip


def none_set(view: View, hidden: bool) -> Component:
    """There is no budget, or none that the filters let through."""
    if hidden:
        return states.no_match(None, view.zone, filtered=True)
    return states.nothing_set(
        "circle-dollar-sign",
        "No budgets yet",
        "A budget says what a customer, a feature, a team, a model or everything may spend in a period. It is shown "
        "here, and can have applications refuse calls once it is used up.",
        f'spanledger budgets set "Each customer, monthly" --amount 200 --per customer --project {quote(view.project)}',
    )


def register(app: Dash, data: Data) -> None:
    """Wire the page."""
    content(app, data, "/budgets", [Output("budgets-sub", "children"), Output("budgets-body", "children")], render)
    first(app, "budgets-body")
    forecast.register(app, data)


PAGE = Page("/budgets", "Budgets & forecast", skeleton, register, icon="layers", section="Cost")
