"""What became of what was received, over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from spanledger_dashboard.figures.base import Figure, layout, times

FEW = 4


def outcomes_over_time(starts: Sequence[datetime], bands: Mapping[str, tuple[str, Sequence[int]]]) -> Figure:
    """Stacked bars; `bands` has name -> (colour, one number per start)."""
    x = times(starts)
    data = [
        {
            "type": "bar",
            "x": x,
            "y": list(values),
            "name": name,
            "marker": {"color": tint, "line": {"width": 0}},
            "hovertemplate": "%{y:,}",
        }
        for name, (tint, values) in bands.items()
        if any(values)
    ]
    axis: Figure = {"nticks": 4, "rangemode": "tozero", "tickformat": ",d"}
    if sum(max(values, default=0) for _, values in bands.values()) < FEW:
        # There is no half a span.
        axis["dtick"] = 1
    return {"data": data, "layout": layout(barmode="stack", bargap=0.15, margin={"l": 52}, yaxis=axis)}
