"""What was spent and what is expected: a line that opens into bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from spanledger_dashboard.figures.base import ERROR, PALETTE, PRIOR, Figure, layout, times, translucent

# The wider the band, the lighter.
ALPHA: Mapping[int, str] = {90: "22", 80: "38", 50: "60"}


def fan(
    starts: Sequence[datetime],
    spent: Sequence[float],
    ahead: Sequence[datetime],
    mean: Sequence[float],
    bands: Mapping[int, tuple[Sequence[float], Sequence[float]]],
    *,
    limit: float | None = None,
    scenario: Sequence[float] | None = None,
) -> Figure:
    """Spend up to now, the expected course from there, and its bands (per cent -> lower, upper), in USD.

    The bands begin where the spend ends. `limit` is drawn as a level, `scenario` as a second course. Cumulative series
    are drawn alike: the caller adds up.
    """
    x = times(starts)
    following = [*x[-1:], *times(ahead)]
    last = list(spent[-1:])
    data: list[Figure] = []
    tint = PALETTE[0]
    for band in sorted(bands, reverse=True):
        low, high = ([*last, *values] for values in bands[band])
        edge: Figure = {
            "type": "scatter",
            "mode": "lines",
            "x": following,
            "line": {"width": 0},
            "legendgroup": str(band),
        }
        data.append({**edge, "y": low, "hoverinfo": "skip", "showlegend": False})
        data.append(
            {
                **edge,
                "y": high,
                "name": f"{band} %",
                "fill": "tonexty",
                "fillcolor": translucent(tint, ALPHA.get(band, "30")),
                "customdata": low,
                "hovertemplate": "$%{customdata:,.2f} to $%{y:,.2f}",
            }
        )
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": list(spent),
            "name": "Spent",
            "line": {"width": 1.8, "color": tint},
            "hovertemplate": "$%{y:,.2f}",
        }
    )
    dashed: Figure = {"type": "scatter", "mode": "lines", "x": following, "hovertemplate": "$%{y:,.2f}"}
    data.append(
        {**dashed, "y": [*last, *mean], "name": "Expected", "line": {"width": 1.8, "color": tint, "dash": "5px,4px"}}
    )
    if scenario is not None:
        line = {"width": 1.8, "color": PALETTE[2], "dash": "5px,4px"}
        data.append({**dashed, "y": [*last, *scenario], "name": "Scenario", "line": line})
    extra: Figure = {}
    if limit is not None:
        level: Figure = {"xref": "paper", "x0": 0, "x1": 1, "y0": limit, "y1": limit}
        extra["shapes"] = [{"type": "line", **level, "line": {"width": 1.4, "color": ERROR, "dash": "3px,3px"}}]
        extra["annotations"] = [
            {
                "xref": "paper", "x": 0, "y": limit, "xanchor": "left", "yanchor": "bottom", "showarrow": False,
                "text": f"Limit ${limit:,.2f}", "font": {"color": PRIOR, "size": 11},
            }
        ]  # fmt: skip
    return {"data": data, "layout": layout(yaxis={"tickprefix": "$", "rangemode": "tozero"}, **extra)}
