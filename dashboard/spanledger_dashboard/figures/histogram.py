"""How many traces began when, and how many of them failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from spanledger_dashboard.figures.base import ERROR, PALETTE, Figure, layout, times, translucent


def outcomes(starts: Sequence[datetime], fine: Sequence[int], failed: Sequence[int]) -> Figure:
    """Stacked bars of traces without and with errors."""
    x = times(starts)
    bars = [("Without errors", fine, translucent(PALETTE[0], "c0")), ("With errors", failed, ERROR)]
    data = [
        {
            "type": "bar",
            "x": x,
            "y": list(values),
            "name": name,
            "marker": {"color": tint, "line": {"width": 0}},
            "hovertemplate": "%{y:,}",
        }
        for name, values, tint in bars
    ]
    return {
        "data": data,
        "layout": layout(
            barmode="stack", bargap=0.15, margin={"l": 36, "t": 6, "b": 22}, yaxis={"nticks": 3, "rangemode": "tozero"}
        ),
    }
