"""Calls of a cluster over time, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from spanledger_dashboard.figures.base import PRIOR, Figure, layout, times, translucent


def course(starts: Sequence[datetime], calls: Sequence[int], costs: Sequence[float], colour: str) -> Figure:
    """Bars of calls in the cluster's colour, and a line of US dollars on an axis of its own."""
    x = times(starts)
    data: list[Figure] = [
        {
            "type": "bar",
            "x": x,
            "y": list(calls),
            "name": "Calls",
            "marker": {"color": translucent(colour), "line": {"width": 0}},
            "hovertemplate": "%{y:,}",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": list(costs),
            "yaxis": "y2",
            "name": "Spend",
            "line": {"width": 1.6, "color": PRIOR, "dash": "4px,3px"},
            "hovertemplate": "$%{y:,.4f}",
        },
    ]
    second = {
        "overlaying": "y", "side": "right", "rangemode": "tozero", "showgrid": False, "nticks": 3, "tickprefix": "$",
        "fixedrange": True, "zeroline": False,
    }  # fmt: skip
    axis = {"rangemode": "tozero", "nticks": 3, "tickformat": ",d"}
    return {
        "data": data,
        "layout": layout(yaxis=axis, yaxis2=second, bargap=0.12, margin={"l": 34, "r": 44, "t": 6, "b": 22}),
    }
