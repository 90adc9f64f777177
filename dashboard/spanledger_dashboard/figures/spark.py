"""Sparklines as images: an SVG in a data URI weighs a hundredth of a chart."""

from __future__ import annotations

import base64
from collections.abc import Sequence

WIDTH, HEIGHT = 220, 34
MAX_POINTS = 56


def spark(values: Sequence[float | None], colour: str, prior: Sequence[float | None] | None = None) -> str:
    """A line over its own fill, as an image's `src`; `prior` is drawn dotted in the same scale."""
    now, before = thin(values), thin(prior or ())
    every = [*now, *before]
    low, high = (min(every), max(every)) if every else (0.0, 1.0)
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' preserveAspectRatio='none'>",
        f"<defs><linearGradient id='g' x2='0' y2='1'><stop stop-color='{colour}' stop-opacity='.28'/>",
        f"<stop offset='1' stop-color='{colour}' stop-opacity='0'/></linearGradient></defs>",
    ]
    if len(now) > 1:
        line = _points(now, low, high)
        parts.append(f"<polygon points='0,{HEIGHT} {line} {WIDTH},{HEIGHT}' fill='url(#g)'/>")
        if len(before) > 1:
            parts.append(
                f"<polyline points='{_points(before, low, high)}' fill='none' stroke='#8a93a3' stroke-opacity='.6' "
                "stroke-dasharray='2 3' vector-effect='non-scaling-stroke'/>"
            )
        parts.append(
            f"<polyline points='{line}' fill='none' stroke='{colour}' stroke-width='1.5' "
            "vector-effect='non-scaling-stroke'/>"
        )
    svg = "".join([*parts, "</svg>"])
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def thin(values: Sequence[float | None]) -> list[float]:
    """At most MAX_POINTS means of neighbouring known values; unknown ones are left out."""
    known = [value for value in values if value is not None]
    size = -(-len(known) // MAX_POINTS) or 1
    return [sum(part) / len(part) for part in (known[i : i + size] for i in range(0, len(known), size))]


def _points(values: Sequence[float], low: float, high: float) -> str:
    reach = (high - low) or 1.0
    step = WIDTH / (len(values) - 1)
    return " ".join(
        f"{index * step:.1f},{HEIGHT - 3 - (value - low) / reach * (HEIGHT - 8):.1f}"
        for index, value in enumerate(values)
    )
