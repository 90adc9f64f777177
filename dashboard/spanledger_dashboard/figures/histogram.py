"""How many traces began when, and how many of them failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from spanledger_dashboard.figures.base import ERROR, PALETTE, Figure, layout, times, translucent

FEW = 4


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
    axis: Figure = {"nticks": 3, "rangemode": "tozero", "tickformat": ",d"}
    if max((a + b for a, b in zip(fine, failed, strict=True)), default=0) < FEW:
        # There is no half a trace.
        axis["dtick"] = 1
    margin = {"l": 36, "t": 6, "b": 22}
    return {"data": data, "layout": layout(barmode="stack", bargap=0.15, margin=margin, yaxis=axis)}
