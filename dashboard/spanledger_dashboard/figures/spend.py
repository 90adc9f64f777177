"""Spend over time, stacked by what it was spent on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from spanledger_dashboard.figures.base import PRIOR, Figure, colour, layout, times, translucent


@dataclass(frozen=True, slots=True)
class Band:
    """One layer of the stack: a value per bucket of time, in USD."""

    label: str
    values: Sequence[float]


def stack(
    starts: Sequence[datetime],
    bands: Sequence[Band],
    prior: Sequence[float] | None = None,
    *,
    bars: bool = False,
    share: bool = False,
    cumulative: bool = False,
) -> Figure:
    """Bands stacked over time, with the previous period's total as a dotted line.

    `share` shows per cent of each bucket (then without the dotted line), `cumulative` adds up from the left.
    """
    x = times(starts)
    data: list[Figure] = []
    for rank, band in enumerate(bands):
        tint = colour(rank)
        values = list(accumulate(band.values)) if cumulative else list(band.values)
        trace: Figure = {
            "x": x,
            "y": values,
            "name": band.label,
            "hovertemplate": "%{y:.1f}%" if share and not bars else "$%{y:,.2f}",
        }
        if bars and not cumulative:
            trace |= {"type": "bar", "marker": {"color": translucent(tint, "d9"), "line": {"width": 0}}}
        else:
            trace |= {
                "type": "scatter",
                "mode": "lines",
                "stackgroup": "spend",
                "groupnorm": "percent" if share else "",
                "line": {"width": 0.8, "color": tint},
                "fillcolor": translucent(tint),
            }
        data.append(trace)
    if prior is not None and not share:
        values = list(accumulate(prior)) if cumulative else list(prior)
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x[: len(values)],
                "y": values,
                "name": "Previous period",
                "line": {"width": 1.4, "color": PRIOR, "dash": "4px,3px"},
                "hovertemplate": "$%{y:,.2f}",
            }
        )
    extra: Figure = {"barmode": "stack", "bargap": 0.18}
    if bars and share:
        extra["barnorm"] = "percent"
    axis = {"ticksuffix": "%", "range": [0, 100]} if share else {"tickprefix": "$", "rangemode": "tozero"}
    return {"data": data, "layout": layout(yaxis=axis, **extra)}
