"""One piece of advice as a card: what it would have saved, on which calls, and what is at stake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.parts.basics import card, link, pill
from spanledger_dashboard.parts.sheet import Column, sheet
from spanledger_dashboard.view import View
from spanledger_store.outlook.advice import Advice, Kind, Quality
from spanledger_store.scope import Scope

NAMES = {
    Kind.MODEL: "Cheaper model",
    Kind.PROMPT_CACHE: "Prompt caching",
    Kind.SEMANTIC_CACHE: "Cache of answers",
    Kind.BATCH: "Batch class",
}
VERDICTS = {
    "unknown": ("not known", "warn"),
    "no difference shown": ("no difference shown", "ok"),
    "lower": ("lower", "warn"),
    "higher": ("higher", "warn"),
}
SHORT = 8


def advice_card(view: View, scope: Scope, each: Advice, others: Sequence[Advice]) -> Component:
    """The saving, the calls it rests on, what is at stake, what is missing, and alternatives."""
    calls = href(view, scope, each)
    share = float(each.saved_usd / each.cost_usd) if each.saved_usd is not None and each.cost_usd else None
    saved: list[Any] = [
        html.B(fmt.money(each.saved_usd, "unknown"), className="num"),
        html.Span(" would have been saved of ", className="dim"),
        html.A(fmt.money(each.cost_usd), href=calls, className="num"),
    ]
    if share is not None and each.kind is not Kind.SEMANTIC_CACHE:
        saved.append(html.Span(f" ({fmt.share(share, 0)})", className="dim num"))
    body: list[Any] = [
        html.P(saved, className="saved"),
        html.P(each.basis, className="basis"),
        facts(view, each, calls),
    ]
    body += [html.P(f"Missing: {what}.", className="lack") for what in each.missing]
    if each.quality:
        body.append(scores(each.quality))
    if others:
        body.append(html.Details([html.Summary(f"{len(others):,} alternatives"), alternatives(others)]))
    beside = [pill(NAMES[each.kind], "acc")]
    if each.kind is Kind.MODEL and not any(score.interval for score in each.quality):
        beside.append(pill("quality not known", "warn"))
    return card(title(each), html.Div(body, className="cb"), beside=beside, right=[link("Calls", calls)], kind="advice")


def title(each: Advice) -> str:
    """Whose calls it is about, and what would become of them."""
    model = each.model or "no model"
    change = f"{model} → {each.candidate}" if each.candidate else model
    return f"{fmt.named(each.feature)} · {change}"


def facts(view: View, each: Advice, calls: str) -> Component:
    """The calls and the dearest of their traces."""
    told: list[tuple[str, Any]] = [("Rests on", html.A(f"{fmt.count(each.calls)} calls", href=calls, className="num"))]
    if each.examples:
        links: list[Any] = []
        for trace in each.examples:
            links += [html.A(trace[:SHORT], href=view.href(f"/trace/{trace}"), className="mono"), " "]
        told.append(("Dearest traces", links))
    return html.Dl([part for name, what in told for part in (html.Dt(name), html.Dd(what))], className="facts")


def scores(found: Sequence[Quality]) -> Component:
    """The scores of the calls as they are, beside the candidate's in the same feature."""
    rows: list[list[Any]] = []
    for each in found:
        there, interval = each.there, each.interval
        rows.append(
            [
                each.name,
                f"{each.here.mean:.3g} ({each.here.units:,})",
                fmt.DASH if there is None else f"{there.mean:.3g} ({there.units:,})",
                fmt.DASH if interval is None else f"{interval[0]:+.3g} to {interval[1]:+.3g}",
                pill(*VERDICTS[each.verdict]),
            ]
        )
    columns = [
        Column("Score at stake", number=False),
        Column("Now", hint="Mean, and over how many sessions"),
        Column("Candidate", hint="In the same feature"),
        Column("Difference, 95 %", hint="Of the means; the unit is the session"),
        Column("So the candidate's is"),
    ]
    return sheet(columns, rows, "Scores at stake")


def alternatives(others: Sequence[Advice]) -> Component:
    """Other ways for the same calls."""
    rows = [
        [each.candidate or "Near questions", fmt.count(each.calls), fmt.money(each.saved_usd, "unknown"),
         html.Span("; ".join(each.missing) or each.basis, className="wrap")]
        for each in others
    ]  # fmt: skip
    columns = [Column("Instead", number=False), Column("Calls"), Column("Saved"), Column("Rests on", number=False)]
    return html.Div(sheet(columns, rows, "Alternatives"), className="others")


def smaller_card(view: View, scope: Scope, found: Sequence[Advice]) -> Component:
    """What would have saved less, a line each."""
    rows = [
        [
            html.A(title(each), href=href(view, scope, each)),
            NAMES[each.kind],
            fmt.count(each.calls),
            fmt.money(each.cost_usd),
            fmt.money(each.saved_usd, "unknown"),
        ]
        for each in found
    ]
    columns = [
        Column("Feature and model", number=False),
        Column("Kind", number=False),
        Column("Calls"),
        Column("They cost"),
        Column("Saved"),
    ]
    return card("Smaller ones", html.Div(sheet(columns, rows, "Smaller savings"), className="cb"))


def missing_card(found: Sequence[tuple[Kind, str]]) -> Component:
    """What no number could be given for."""
    rows = [html.Li([html.B(NAMES[kind]), f": {what}."]) for kind, what in found]
    return card("What is not known", html.Div(html.Ul(rows, className="plain"), className="cb"))


def href(view: View, scope: Scope, each: Advice) -> str:
    """The calls of the feature and model in the days that were looked at."""
    return view.calls(
        "/traces", {"feature": each.feature, "model": each.model}, scope.start, scope.end, order="dearest"
    )
