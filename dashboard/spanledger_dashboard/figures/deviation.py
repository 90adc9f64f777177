"""What was spent against what was expected, hour by hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from spanledger_dashboard.figures.base import ERROR, PALETTE, PRIOR, Figure, layout, times, translucent


def deviation(starts: Sequence[datetime], actual: Sequence[float], expected: Sequence[float | None]) -> Figure:
    """Bars of US dollars, those of hours that are judged in the colour of an error, under the line of the expected."""
    judged = [value is not None for value in expected]
    tints = [ERROR if each else translucent(PALETTE[0], "a0") for each in judged]
    data: list[Figure] = [
        {
            "type": "bar",
            "x": times(starts),
            "y": list(actual),
            "name": "Spent",
            "marker": {"color": tints, "line": {"width": 0}},
            "hovertemplate": "$%{y:,.4f}",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": times(starts),
            "y": list(expected),
            "name": "Expected",
            "connectgaps": False,
            "line": {"width": 1.6, "color": PRIOR, "dash": "4px,3px"},
            "hovertemplate": "$%{y:,.4f}",
        },
    ]
    axis = {"tickprefix": "$", "rangemode": "tozero"}
    return {"data": data, "layout": layout(yaxis=axis, bargap=0.12)}
