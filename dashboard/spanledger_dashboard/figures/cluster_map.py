"""The map of calls as numbers that the browser draws: places, clusters and what points can be coloured by."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spanledger_dashboard.figures.base import OTHER

# Told apart by lightness as well as by hue, on both grounds.
TINTS: Final = (
    "#4c78f0", "#e08a2e", "#2fb5a0", "#d8618a", "#8b6fe0", "#5aa13c", "#3aa0d8", "#c2603a", "#b39428", "#b85fc4",
)  # fmt: skip
NONE: Final = 0
_LEVELS: Final = 65_535
_FILLED: Final = 0.12
"""Of the map, covered by calls."""
_ASPECT: Final = 1.4
_GOLDEN: Final = math.pi * (3 - math.sqrt(5))
_VALUES: Final = 9
"""Values of a dimension that have a colour of their own."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What the map says of a cluster: `text` is what a search looks through, `example` may be shown to anybody."""

    cluster: int
    name: str
    text: str = ""
    example: str = ""
    is_new: bool = False


def tint(cluster: int) -> str:
    """The colour of a cluster: the same whatever else is shown; grey for what is in none."""
    return OTHER if cluster == NONE else TINTS[(cluster - 1) % len(TINTS)]


def spread(points: pl.DataFrame) -> pl.DataFrame:
    """The rows of a points report with room for each: without it, the same question asked a thousand times is one dot.

    Every call is moved along a spiral around its place (Vogel, "A better way to construct the sunflower head", 1979),
    the most typical of its cluster least, so that a cluster takes as much of the map as it has of the calls.
    """
    if points.is_empty():
        return points
    wide, high = (float(points[name].max() or 0) - float(points[name].min() or 0) for name in ("x", "y"))  # pyright: ignore[reportArgumentType]
    # A part of the box, which is drawn wider than high.
    part = math.sqrt(_FILLED / math.pi / len(points))
    across, up = max(wide, 1e-9) * part / math.sqrt(_ASPECT), max(high, 1e-9) * part * math.sqrt(_ASPECT)
    rank = pl.struct("distance", "trace_id", "span_id").rank("ordinal").over("cluster") - 1
    return points.with_columns(
        (pl.col(name) + reach * rank.cast(pl.Float64).sqrt() * turn(rank.cast(pl.Float64) * _GOLDEN)).cast(pl.Float32)
        for name, reach, turn in (("x", across, pl.Expr.cos), ("y", up, pl.Expr.sin))
    )


def packed(
    points: pl.DataFrame, topics: Sequence[Topic], start: float, end: float, of: float, scores: Mapping[str, Any]
) -> dict[str, Any]:
    """The rows of a points report in columns of numbers, base64 of little-endian arrays.

    Times are shares of [start, end) in Unix seconds, places shares of the box around all; unknown numbers are NaN.
    `of` is how many calls the points stand for, `scores` holds the name and values of a score, row by row, if any.
    """
    known = {each.cluster: at for at, each in enumerate(topics)}
    columns = {
        name: points[name].to_numpy().astype(np.float64) if len(points) else np.zeros(0) for name in ("x", "y", "start")
    }
    (x, left, right), (y, low, high) = _levels(columns["x"]), _levels(columns["y"])
    when = np.clip((columns["start"] / 1e9 - start) / max(end - start, 1e-9), 0, 1) * _LEVELS
    made: dict[str, Any] = {
        "n": len(points), "of": round(of), "start": start, "end": end, "box": [left, right, low, high],
        "x": _coded(x), "y": _coded(y), "t": _coded(when.astype("<u2")),
        "cluster": _coded(np.array([known[each] for each in points["cluster"]], dtype="<u2")),
        "usd": _coded(points["cost_usd"].cast(pl.Float32).fill_null(math.nan).to_numpy().astype("<f4")),
        "seconds": _coded((points["duration_ns"].cast(pl.Float32) / 1e9).fill_null(math.nan).to_numpy().astype("<f4")),
        "failed": _coded((points["status"].cast(pl.String) == "error").cast(pl.UInt8).to_numpy()),
        "clusters": [
            {"id": each.cluster, "name": each.name, "text": each.text.casefold(), "tint": tint(each.cluster),
             "example": each.example, "fresh": each.is_new}
            for each in topics
        ],
        "tints": list(TINTS), "other": OTHER,
    }  # fmt: skip
    for name in ("model", "customer", "feature"):
        values, codes = _leading(points[name].cast(pl.String))
        made[name] = {"values": values, "codes": _coded(codes)}
    if scores:
        made["score"] = {"name": scores["name"], "values": _coded(scores["values"].astype("<f4"))}
    return made


def _levels(values: NDArray[np.float64]) -> tuple[NDArray[Any], float, float]:
    if not len(values):
        return np.zeros(0, dtype="<u2"), 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return np.rint((values - low) / max(high - low, 1e-9) * _LEVELS).astype("<u2"), low, high


def _leading(column: pl.Series) -> tuple[list[str], NDArray[np.uint8]]:
    """The most frequent values, and each row's place among them; 255 for the others."""
    counts = column.value_counts(sort=True, name="calls")
    leading: list[str] = counts.sort("calls", column.name, descending=[True, False])[column.name].to_list()[:_VALUES]
    places = {value: at for at, value in enumerate(leading)}
    codes = column.replace_strict(places, default=255, return_dtype=pl.UInt8).to_numpy().astype(np.uint8)
    return leading, codes


def _coded(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
