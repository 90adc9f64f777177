"""Percentiles of latency over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from spanledger_dashboard.figures.base import PALETTE, Figure, layout, times

PERCENTILE_COLOURS: Mapping[str, str] = {"p50": PALETTE[1], "p95": PALETTE[0], "p99": PALETTE[3]}


def percentiles(starts: Sequence[datetime], seconds: Mapping[str, Sequence[float | None]]) -> Figure:
    """One line per percentile (`p50`, `p95`, `p99`), in seconds; buckets without calls are bridged."""
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": times(starts),
            "y": list(values),
            "name": name,
            "connectgaps": True,
            "line": {"width": 1.5, "color": PERCENTILE_COLOURS[name]},
            "hovertemplate": "%{y:.2f}s",
        }
        for name, values in seconds.items()
    ]
    return {"data": data, "layout": layout(yaxis={"ticksuffix": "s", "rangemode": "tozero"}, margin={"l": 40})}
