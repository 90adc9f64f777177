"""Evidence of drift, day by day, against the threshold at which it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from spanledger_dashboard.figures.base import ERROR, PRIOR, Figure, colour, layout, times

# Evidence below this is none; a logarithmic axis has no zero.
LEAST = 0.01


def evidence(lines: Mapping[str, Sequence[tuple[datetime, float, bool]]]) -> Figure:
    """One line per slice: (day, evidence as a share of its threshold, whether it alarmed) in order of time.

    Alarms are marked.
    """
    data: list[Figure] = []
    for rank, (name, points) in enumerate(lines.items()):
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": times([at for at, _, _ in points]),
                "y": [max(share, LEAST) for _, share, _ in points],
                "name": name,
                "line": {"width": 1.8, "color": colour(rank)},
                "marker": {
                    "size": [10 if alarmed else 4 for _, _, alarmed in points],
                    "color": [ERROR if alarmed else colour(rank) for _, _, alarmed in points],
                },
                "hovertemplate": "%{y:.2f} of the threshold",
            }
        )
    shape = {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 1, "y1": 1,
        "line": {"width": 1.4, "color": PRIOR, "dash": "4px,3px"},
    }  # fmt: skip
    axis = {"type": "log", "dtick": 1, "exponentformat": "none", "title": {"text": "of the threshold"}}
    drawn = layout(yaxis=axis, shapes=[shape], showlegend=len(lines) > 1, hovermode="closest")
    # Beside the lines there would be no room for them on a phone.
    drawn["legend"] = {**drawn.get("legend", {}), "orientation": "h", "x": 0, "y": -0.16, "yanchor": "top"}
    return {"data": data, "layout": drawn}
