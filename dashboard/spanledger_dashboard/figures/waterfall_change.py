"""A change of spend as a waterfall: from one period's sum, term by term, to the other's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spanledger_dashboard.figures.base import PALETTE, Figure, layout

# Can be told apart by those who cannot tell red from green, on light and on dark.
ROSE, FELL = "#f0a63a", "#2fb5a0"


@dataclass(frozen=True, slots=True)
class Step:
    """One bar: what it adds, in USD; `link` is whatever a click on it is to bring back."""

    label: str
    amount: float
    link: Any = None


def waterfall(start: Step, steps: Sequence[Step], end: Step) -> Figure:
    """Both sums as bars from zero, and each step as a bar from where the last one ended; read from left to right.

    The sums are given, not added up here: they are exact where they come from, and bars are not. Where the steps are
    small beside the sums the axis does not begin at zero, so that they can be seen.
    """
    every = [start, *steps, end]
    reached = [start.amount]
    for step in steps:
        reached.append(reached[-1] + step.amount)
    trace: Figure = {
        "type": "waterfall",
        "x": list(range(len(every))),
        "y": [step.amount for step in every],
        "measure": ["absolute", *["relative"] * len(steps), "absolute"],
        "customdata": [step.link for step in every],
        "text": [_dollars(start.amount), *[_dollars(step.amount, signed=True) for step in steps], _dollars(end.amount)],
        "textposition": "outside",
        "cliponaxis": False,
        "connector": {"line": {"color": "rgba(128,140,160,.5)", "width": 1}},
        "increasing": {"marker": {"color": ROSE}},
        "decreasing": {"marker": {"color": FELL}},
        "totals": {"marker": {"color": PALETTE[0]}},
        "hovertext": [step.label for step in every],
        "hovertemplate": "%{hovertext}<br>%{text}<extra></extra>",
    }
    axis: Figure = {
        "type": "linear",
        "showspikes": False,
        "tickmode": "array",
        "tickvals": trace["x"],
        "ticktext": [step.label for step in every],
        "tickfont": {"size": 10},
        "automargin": True,
        "fixedrange": True,
    }
    return {
        "data": [trace],
        "layout": layout(
            xaxis=axis,
            yaxis={"tickprefix": "$", "range": _range([*reached, end.amount])},
            hovermode="closest",
            margin={"t": 22, "b": 60},
        ),
    }


def _range(reached: Sequence[float]) -> list[float]:
    low, high = min(reached), max(reached)
    span = high - low or abs(high) or 1.0
    # Room for the texts above the bars.
    return [0.0 if 0 <= low < 4 * span else low - span / 2, high + span / 6]


def _dollars(amount: float, *, signed: bool = False) -> str:
    sign = "−" if amount < 0 else "+" if signed else ""
    size = abs(amount)
    return f"{sign}${size:,.0f}" if size >= 100 else f"{sign}${size:,.2f}"
