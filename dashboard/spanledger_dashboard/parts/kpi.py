"""Headline numbers with their change and their course."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard.figures.spark import spark

UNCHANGED = 0.0005


class Better(StrEnum):
    """Which way is good news: the colour follows this, not the sign."""

    UP = "up"
    DOWN = "down"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Kpi:
    """One headline number."""

    label: str
    value: str
    unit: str = ""
    change: float | None = None
    better: Better = Better.NEITHER
    colour: str = ""
    course: Sequence[float | None] = ()
    prior: Sequence[float | None] | None = None
    href: str | None = None
    hint: str = ""
    note: str = ""


def delta(change: float | None, better: Better, *, suffix: str = "vs prev") -> Component:
    """A relative change with arrow, amount and the colour of its meaning; empty where there is none."""
    if change is None:
        return html.Div(className="delta num")
    if abs(change) < UNCHANGED:
        return html.Div(["unchanged", html.Span(f" {suffix}")], className="delta num")
    up = change > 0
    kind = "" if better is Better.NEITHER else " good" if (better is Better.UP) == up else " bad"
    amount = f"×{change + 1:,.0f}" if change >= 9 else f"{abs(change) * 100:.1f}%"
    text = f"{'▲' if up else '▼'} {amount}"
    return html.Div([text, html.Span(f"  {suffix}")], className=f"delta num{kind}")


def kpi(item: Kpi) -> Component:
    """A cell of the strip; a link where there is something behind it."""
    label = [item.label, *([html.Span(item.note, className="pill warn")] if item.note else [])]
    value = [item.value, *([html.Small(item.unit)] if item.unit else [])]
    inside = [
        html.Div(label, className="l"),
        html.Div(value, className="v num"),
        delta(item.change, item.better),
        html.Img(src=spark(item.course, item.colour, item.prior), alt=f"{item.label} over time")
        if item.course
        else html.Div(className="gap"),
    ]
    if item.href is not None:
        return html.A(inside, href=item.href, className="kpi", title=item.hint)
    return html.Div(inside, className="kpi", title=item.hint)


def strip(items: Sequence[Kpi]) -> Component:
    """Headline numbers side by side."""
    return html.Div([kpi(item) for item in items], className="kpis", style={"--n": str(len(items))})
