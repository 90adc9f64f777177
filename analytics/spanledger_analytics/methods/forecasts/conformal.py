"""Intervals from what forecasts have missed by: split-conformal quantiles of scaled residuals, the newer the heavier.

Residuals of all series and origins, each divided by how large an error was to be expected when its forecast was made,
are pooled by horizon and kind of series; their weighted quantiles, times the scale of the next forecast, are its
interval. Under exchangeability that covers what it says (Vovk et al., 2005); weights that fade with age bound what a
slow drift costs (Barber et al., 2023, "Conformal prediction beyond exchangeability"), as does scaling (Lei et al.,
2018). Signed residuals: spend errs further upward than downward. Sums have residuals and quantiles of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LEVELS: Final = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
"""Quantiles that are made: bands of 50, 80 and 90 %, and the middle."""

# What is believed before anything has been missed: of a Laplace distribution whose mean absolute value is a little
# above what was expected, since a first forecast errs further. It counts as much as this many residuals.
_FIRST: Final = np.array([-2.9, -2.0, -0.9, 0.0, 0.9, 2.2, 3.2])
_FIRST_COUNT: Final = 12.0
# More of them would only cost time.
_MOST: Final = 120_000
# Kinds of the same ten fall back on one another.
KINDS: Final = 10
# A kind of series needs this many residuals and this many series for quantiles of its own.
_ENOUGH, _ENOUGH_SERIES = 400, 12


@dataclass(frozen=True, slots=True)
class _Origin:
    ago: int
    scaled: Array
    floor: Array
    kinds: Array


@dataclass(slots=True)
class Residuals:
    """Scaled residuals as they come: one call of `add` per origin, the oldest first."""

    steps: Sequence[int]
    recency: float
    _held: list[_Origin] = field(default_factory=list[_Origin])

    def add(self, ago: int, scaled: Array, kinds: Array, floor: Array | None = None) -> None:
        """Residuals (series x horizons that are known by now) of the origin that lies `ago` steps back.

        NaN is unknown; `kinds` (series) says which residuals are alike: those of one kind, then those of one ten.
        `floor` is where the least value there can be lies on the scale of the residuals, so that an interval that
        reaches below it ends there.
        """
        lowest = np.full(scaled.shape, -np.inf) if floor is None else floor
        self._held.append(_Origin(ago, scaled.astype(np.float32), lowest.astype(np.float32), kinds.astype(np.int8)))

    def quantiles(self, horizon: int, kinds: Array) -> Array:
        """Kinds of `kinds` (series) -> series x LEVELS x horizon, non-decreasing over the levels.

        Horizons beyond any that has been seen have the quantiles of the longest seen: the scale grows with them.
        """
        edges = [0, *[each for each in self.steps if each < horizon], horizon]
        middles = np.array([np.sqrt((low + 1) * high) for low, high in pairwise(edges)])
        ahead = np.log(np.arange(1, horizon + 1))
        found = np.empty((len(kinds), len(LEVELS), horizon))
        tables: dict[int, Array] = {}
        everyone = self._table(edges, lambda _: slice(None), everyone=True)
        for group in np.unique(kinds // KINDS):
            of_group = self._table(edges, lambda held, group=group: held // KINDS == group)
            tables[group] = np.where(np.isnan(of_group), everyone, of_group)
        for kind in np.unique(kinds):
            table = self._table(edges, lambda held, kind=kind: held == kind)
            table = np.where(np.isnan(table), tables[kind // KINDS], table)
            for at in range(len(LEVELS)):
                row = table[:, at]
                there = ~np.isnan(row)
                line = np.interp(ahead, np.log(middles[there]), row[there]) if there.any() else _FIRST[at]
                found[kinds == kind, at] = line
        return np.maximum.accumulate(found, axis=1)

    def _table(self, edges: Sequence[int], which: Callable[[Array], Any], *, everyone: bool = False) -> Array:
        """Groups of horizons x LEVELS; NaN where too little is known."""
        table = np.full((len(edges) - 1, len(LEVELS)), np.nan)
        for number, (low, high) in enumerate(pairwise(edges)):
            parts: list[tuple[Array, Array, Array]] = []
            series = 0
            for each in self._held:
                mine = which(each.kinds)
                values, floors = each.scaled[mine, low:high], each.floor[mine, low:high]
                there = ~np.isnan(values)
                if there.any():
                    series = max(series, len(values))
                    weight = 0.5 ** (each.ago / self.recency)
                    parts.append((values[there], floors[there], np.full(int(there.sum()), weight)))
            count = sum(part[0].size for part in parts)
            if not count or (not everyone and (count < _ENOUGH or series < _ENOUGH_SERIES)):
                continue
            values, floors, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
            every = -(-count // _MOST)
            table[number] = _quantiles(values[::every], floors[::every], weights[::every])
        return table


def _quantiles(values: Array, floors: Array, weights: Array) -> Array:
    """Weighted quantiles, outward by what a finite sample asks for, beside what was believed at first."""
    order = np.argsort(values, kind="stable")
    values, floors, weights = values[order].astype(np.float64), floors[order].astype(np.float64), weights[order]
    share = np.cumsum(weights) - weights / 2
    share /= weights.sum()
    # The count of equal weights that says as much.
    effective = weights.sum() ** 2 / (weights**2).sum()
    levels = np.array(LEVELS)
    outward = 0.5 + (levels - 0.5) * (1 + min(1 / effective, 0.1))
    seen = _fitted(np.interp(outward, share, values), values, floors, weights, outward)
    return (effective * seen + _FIRST_COUNT * _FIRST) / (effective + _FIRST_COUNT)


def _fitted(quantiles: Array, values: Array, floors: Array, weights: Array, levels: Array) -> Array:
    """The quantiles, each band drawn in around the middle until it covers what it says and not more.

    Where spend is often nothing, an interval that ends at 0 covers all of that: it would cover more than it says.
    """
    middle = len(LEVELS) // 2
    made = quantiles.copy()
    whole = weights.sum()
    for low in range(middle):
        high = len(LEVELS) - 1 - low
        said = float(levels[high] - levels[low])
        below, above = quantiles[low] - quantiles[middle], quantiles[high] - quantiles[middle]

        def covered(share: float, below: float = below, above: float = above) -> float:
            bottom, top = quantiles[middle] + share * below, quantiles[middle] + share * above
            inside = (values <= np.maximum(top, floors)) & ((values >= bottom) | (bottom <= floors))
            return float(weights[inside].sum() / whole)

        least, most = 0.0, 1.0
        if covered(1.0) > said:
            for _ in range(20):
                half = (least + most) / 2
                least, most = (half, most) if covered(half) < said else (least, half)
        made[low], made[high] = quantiles[middle] + most * below, quantiles[middle] + most * above
    return made
