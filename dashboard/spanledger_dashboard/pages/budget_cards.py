"""One budget as a card, and many as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.parts.basics import card, pill, wild
from spanledger_dashboard.parts.table import BAR, grid, name_column, number_column, text_column
from spanledger_dashboard.ranges import span_text
from spanledger_dashboard.view import View
from spanledger_store.finance.budget_report import Standing

STATUS = {"used up": "bad", "projected": "warn", "80 %": "warn", "50 %": "ok", "ok": "ok", "unknown": "warn"}
"""Status -> how it is coloured, the worst first."""

_WORDS = {"projected": "will be used up"}


def budget_card(view: View, standing: Standing) -> Component:
    """What is used of it, beside how much of its period is over."""
    state = standing.state
    elapsed = min(1.0, (view.now - state.window.start) / state.window.length)
    head = [pill(_WORDS.get(standing.status, standing.status), STATUS.get(standing.status, ""))]
    if state.blocks:
        head.append(pill("blocks calls", "bad"))
    body = html.Div(
        [
            html.P(
                [
                    html.A(fmt.money(state.spent, "unpriced"), href=href(view, standing, "/spend"), className="num"),
                    html.Span(f" of {fmt.money(state.limit)}", className="dim num"),
                    html.Span(fmt.share(state.share, 0), className="part num"),
                ],
                className="used",
            ),
            meter(standing, elapsed),
            html.Dl(
                [part for name, told in facts(view, standing) for part in (html.Dt(name), html.Dd(told))],
                className="facts",
            ),
        ],
        className="cb",
    )
    return card(title(standing), body, beside=head)


def title(standing: Standing) -> str:
    """The budget's name, and whose it is where each value has it by itself."""
    state = standing.state
    if state.value is None:
        return state.budget.name
    return f"{state.budget.name}: {state.value or fmt.UNATTRIBUTED}"


def meter(standing: Standing, elapsed: float) -> Component:
    """A bar of what is used, with a mark where the period stands: ahead of the mark is faster than evenly."""
    state = standing.state
    share = state.share or 0.0
    kind = STATUS.get(standing.status, "")
    label = f"{fmt.share(state.share, 0)} used, {fmt.share(elapsed, 0)} of the period is over"
    ahead: list[Any] = []
    if standing.projected is not None and state.limit and state.share is not None:
        end = min(1.0, float(standing.projected / state.limit))
        ahead = [html.I(className="ahead", style={"width": f"{end * 100:.1f}%"})]
    return html.Div(
        [
            *ahead,
            html.I(className=f"is {kind}", style={"width": f"{min(1.0, share) * 100:.1f}%"}),
            html.I(className="mark", style={"left": f"{elapsed * 100:.1f}%"}),
        ],
        className="meter",
        title=label,
        role="img",
        **wild({"aria-label": label}),
    )


def facts(view: View, standing: Standing) -> list[tuple[str, Any]]:
    """What else is known of it, the unknown left out."""
    state, blocked = standing.state, standing.blocked
    window = state.window
    told: list[tuple[str, Any]] = [
        ("Period", f"{span_text(window.start, window.end, view.zone)}, {view.zone.key}"),
        ("Left", fmt.money(state.remaining, "unknown")),
        ("Will end at", fmt.money(standing.projected, "too early to say")),
        ("Calls", html.A(fmt.count(state.calls), href=href(view, standing, "/traces"), className="num")),
    ]
    if state.carried:
        told.append(("Carried over", fmt.money(state.carried)))
    if state.unpriced_calls:
        told.append(("Unpriced calls", fmt.count(state.unpriced_calls)))
    if blocked.calls:
        saved = "" if blocked.saved is None else f", about {fmt.money(blocked.saved)} saved"
        told.append(("Refused calls", f"{fmt.count(blocked.calls)}{saved}"))
    if state.budget.owner:
        told.append(("Owner", state.budget.owner))
    return told


def href(view: View, standing: Standing, path: str) -> str:
    """The calls that count towards the budget, in its period so far."""
    state, budget = standing.state, standing.state.budget
    whose = {budget.per: state.value} if budget.per and state.value is not None else {}
    return view.calls(path, {**budget.slice, **whose}, state.window.start, state.window.end)


def budget_table(view: View, found: Sequence[Standing]) -> Component:
    """Every budget and value, to be sorted."""
    columns = [
        name_column("label", "Budget", pinned="left", minWidth=200),
        text_column("status", "Status", minWidth=110),
        number_column("used", "Used", minWidth=88, cellStyle=BAR, sort="desc"),
        number_column("spent", "Spent", minWidth=104),
        number_column("limit", "Limit", minWidth=104),
        number_column("projected", "Will end at", minWidth=112),
        number_column("refused", "Refused", minWidth=96),
        text_column("owner", "Owner"),
    ]
    top = max((each.state.share or 0.0 for each in found), default=0.0) or 1.0
    rows = [record(view, each, top) for each in found]
    return card(
        "All of them",
        html.Div(grid("budgets-grid", columns, rows, "Every budget"), style={"paddingTop": 6}),
        beside=[html.Span(fmt.count(len(rows)), className="dim num")],
    )


def record(view: View, standing: Standing, top: float) -> dict[str, Any]:
    """One row as the grid takes it."""
    state = standing.state
    row: dict[str, Any] = {
        "id": f"{state.budget.id}/{state.value}",
        "label": title(standing),
        "status": _WORDS.get(standing.status, standing.status),
        "share": (state.share or 0.0) / top,
        "used": state.share,
        "used_text": fmt.share(state.share, 0),
        "refused": standing.blocked.calls,
        "refused_text": fmt.count(standing.blocked.calls),
        "owner": state.budget.owner,
        "href": href(view, standing, "/spend"),
    }
    for name, amount in (("spent", state.spent), ("limit", state.limit), ("projected", standing.projected)):
        row |= {name: None if amount is None else float(amount), f"{name}_text": fmt.money(amount)}
    return row
