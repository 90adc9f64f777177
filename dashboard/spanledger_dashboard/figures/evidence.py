"""Evidence of drift, day by day, against the threshold at which it is told.

More slices are watched than there are colours, and nearly all of them are quiet: those that came near the threshold are
coloured and named where they came nearest, the others are thin and grey, and named where they are pointed at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape

from spanledger_dashboard.figures.base import ERROR, OTHER, PALETTE, PRIOR, Figure, layout, times, translucent

# Evidence below this is none; a logarithmic axis has no zero.
LEAST = 0.01
# From this share of the threshold on a line is worth a colour.
NEAR = 0.2
# About how wide a chart is, a letter of a name, how high its line, and a decade of the axis, in pixels: names that
# would overlap there are set higher. On a phone they may, and pointing at a line still tells its name.
WIDE, LETTER, LINE, DECADE = 800, 6, 13, 45
# From so far left or right on a name stands beside its mark's place, so that it is not cut off.
EDGE = 0.15
MARK, DOT = 10, 4

Line = Sequence[tuple[datetime, float, bool]]


def evidence(lines: Mapping[str, Line]) -> Figure:
    """One line per slice: (day, evidence as a share of its threshold, whether it alarmed) in order of time.

    Alarms are marked.
    """
    shown = _coloured(lines)
    quiet = [_quiet(name, points) for name, points in lines.items() if name not in shown]
    loud = [_loud(name, lines[name], PALETTE[rank]) for rank, name in enumerate(shown)]
    shape = {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 1, "y1": 1,
        "line": {"width": 1.4, "color": OTHER, "dash": "4px,3px"},
    }  # fmt: skip
    axis = {"type": "log", "dtick": 1, "exponentformat": "none", "title": {"text": "of the threshold"}}
    drawn = layout(
        yaxis=axis,
        shapes=[shape],
        annotations=_names({name: lines[name] for name in shown}),
        showlegend=False,
        hovermode="closest",
    )
    # Room for the names of what lies highest.
    drawn["margin"] = {**drawn["margin"], "t": 30}
    return {"data": [*quiet, *loud], "layout": drawn}


def _coloured(lines: Mapping[str, Line]) -> list[str]:
    """The lines that came nearest to the threshold, as many as there are colours, in their own order."""
    peaks = {name: max(share for _, share, _ in points) for name, points in lines.items()}
    near = [name for name in peaks if peaks[name] >= NEAR or len(peaks) == 1]
    highest = sorted(near, key=lambda name: -peaks[name])[: len(PALETTE)]
    return [name for name in lines if name in highest]


def _peak(points: Line) -> tuple[datetime, float]:
    """Where a line is worth looking at: its last alarm, or where it came nearest to one."""
    alarms = [point for point in points if point[2]]
    at, share, _ = alarms[-1] if alarms else max(points, key=lambda point: point[1])
    return at, max(share, LEAST)


def _drawn(name: str, points: Line) -> Figure:
    return {
        "type": "scatter",
        "x": times([at for at, _, _ in points]),
        "y": [max(share, LEAST) for _, share, _ in points],
        "name": name,
        "hovertemplate": "%{y:.2f} of the threshold",
        "hoverlabel": {"namelength": -1},
    }


def _quiet(name: str, points: Line) -> Figure:
    return {**_drawn(name, points), "mode": "lines", "line": {"width": 1, "color": translucent(OTHER, "66")}}


def _loud(name: str, points: Line, tint: str) -> Figure:
    marks = {
        "size": [MARK if alarmed else DOT for _, _, alarmed in points],
        "color": [ERROR if alarmed else tint for _, _, alarmed in points],
        "opacity": 1,
        "line": {"width": [2 if alarmed else 0 for _, _, alarmed in points], "color": tint},
    }
    return {**_drawn(name, points), "mode": "lines+markers", "line": {"width": 2, "color": tint}, "marker": marks}


def _names(lines: Mapping[str, Line]) -> list[Figure]:
    """The name of each line above its last alarm or highest point, with a dot of its colour; names that would overlap
    are stacked."""
    moments = [at for points in lines.values() for at, _, _ in points]
    if not moments:
        return []
    first = min(moments)
    span = (max(moments) - first) or timedelta(days=1)
    placed: list[tuple[float, float, float]] = []
    made: list[Figure] = []
    for (name, points), tint in zip(lines.items(), PALETTE, strict=False):
        at, share = _peak(points)
        across, up = (at - first) / span, math.log10(share)
        anchor = "left" if across < EDGE else "right" if across > 1 - EDGE else "center"
        width = LETTER * (len(name) + 2)
        left = across * WIDE - {"left": 0.0, "center": width / 2, "right": width}[anchor]
        shift = MARK / 2 + 2
        while any(left < x + w and x < left + width and abs(up * DECADE + shift - y) < LINE for x, w, y in placed):
            shift += LINE
        placed.append((left, width, up * DECADE + shift))
        made.append(
            {
                "x": times([at])[0], "y": up, "showarrow": False, "yanchor": "bottom", "xanchor": anchor,
                "text": f'<span style="color:{tint}">●</span> {escape(name)}', "yshift": shift,
                "font": {"color": PRIOR, "size": 11},
            }
        )  # fmt: skip
    return made
