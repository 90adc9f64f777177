"""Has the distribution of a number changed (tokens, latency, lengths, scores), judged by sessions?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spanledger_analytics.methods.drift import kernels, nulls
from spanledger_analytics.methods.drift.categories import counts_of, stability_index
from spanledger_analytics.methods.drift.evidence import Evidence, check, evidence
from spanledger_analytics.methods.drift.windows import DriftInput, Windows, pool, summed

Array = NDArray[Any]
Floats = NDArray[np.float64]

# Distributions are compared at so many quantiles of both windows together.
_POINTS: Final = 200
_RESAMPLES: Final = 400
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile before and after; `low` and `high` bound the change with 95 % confidence (block bootstrap)."""

    level: float
    before: float
    after: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Distribution(Evidence):
    """The test of one number's distribution.

    `largest_gap` is Kolmogorov and Smirnov's statistic, the largest difference of both distribution functions (0 to 1);
    `distance` Wasserstein's, in the number's own unit: by how much rows had to be moved on average. `p_gap` and
    `p_distance` are each one's own. `means` are of the windows. `stability_index` is for display only.
    """

    largest_gap: float
    p_gap: float
    distance: float
    p_distance: float
    means: tuple[float, float]
    quantiles: tuple[Quantile, ...]
    stability_index: float


def compare(
    reference: ArrayLike,
    current: ArrayLike,
    *,
    reference_blocks: ArrayLike,
    current_blocks: ArrayLike,
    reference_strata: ArrayLike | None = None,
    current_strata: ArrayLike | None = None,
    levels: Sequence[float] = (0.5, 0.95),
    seed: int = 0,
    repetitions: int = 999,
) -> Distribution:
    """Whether a number (one a row) is distributed differently by more than sessions differ by chance.

    Two statistics, the largest gap of the distribution functions and the Wasserstein distance, both at 200 quantiles
    of all rows; the null permutes blocks within strata. With strata these are of what changed within them, while
    means and quantiles are those of all rows that could be compared. Raises `DriftInput` for what cannot be compared.
    """
    before, after = numbers_of(reference, "reference"), numbers_of(current, "current")
    check(repetitions, before, after, reference_blocks, current_blocks)
    if any(not 0 < level < 1 for level in levels):
        raise DriftInput(f"quantile levels {list(levels)}: numbers between 0 and 1 are needed")
    windows = pool(reference_blocks, current_blocks, reference_strata, current_strata, seed=seed, most_rows=2**62)
    values = np.concatenate([before, after])[windows.order]
    points = np.unique(np.quantile(values, (np.arange(_POINTS) + 0.5) / _POINTS, method="inverted_cdf"))
    bins = np.searchsorted(points, values, side="left")
    counts = counts_of(bins, windows, len(points) + 1)
    below = np.cumsum(counts[:, :-1], axis=1, dtype=np.float32)
    dice = np.random.default_rng([seed, 5])
    arranged = nulls.arrangements(windows, repetitions, dice)
    moved = nulls.sums(arranged, windows.unit_sums(kernels.centre(below, windows)))
    gaps = np.abs(moved) / windows.weight
    largest = gaps.max(axis=1)
    # A number that never changes has one point and no widths.
    distance = gaps[:, :-1] @ np.diff(points)
    now = windows.row_current
    return Distribution(
        **asdict(evidence(windows, [largest, np.sqrt(distance)], _design_effect(values, windows))),
        largest_gap=float(largest[0]),
        p_gap=nulls.p_value(largest),
        distance=float(distance[0]),
        p_distance=nulls.p_value(distance),
        means=(float(values[~now].mean()), float(values[now].mean())),
        quantiles=_quantiles(values, windows, levels, counts, points, dice),
        stability_index=_stability(values, now),
    )


def numbers_of(given: ArrayLike, name: str) -> Floats:
    """One number a row. Raises `DriftInput` where there are none, or unknown ones among them."""
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DriftInput(f"{name} values are no numbers ({error}): test names with `categories`") from error
    if values.ndim != 1 or not len(values):
        raise DriftInput(f"{name} values have shape {values.shape}: one number a row is needed, and at least one row")
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise DriftInput(f"row {row} of the {name} values is {values[row]}: leave out rows whose value is not known")
    return values


def _design_effect(values: Floats, windows: Windows) -> float:
    """That of the mean rank, which outliers do not rule."""
    ranks = np.searchsorted(np.sort(values), values, side="right").astype(np.float64)
    ranks -= ranks.mean()
    total = float((ranks**2).sum())
    return float((summed(ranks[:, None], windows.starts) ** 2).sum()) / total if total > 0 else 1.0


def _quantiles(
    values: Floats,
    windows: Windows,
    levels: Sequence[float],
    counts: Array,
    points: Floats,
    dice: np.random.Generator,
) -> tuple[Quantile, ...]:
    """Quantiles of both windows; changes are bounded by those of windows whose blocks are drawn anew."""
    now = windows.row_current
    edges = np.concatenate([[values.min()], points, [values.max()]])
    drawn: list[Floats] = []
    for current in (False, True):
        mine = np.flatnonzero(windows.current == current)
        weights = dice.multinomial(len(mine), np.full(len(mine), 1.0 / len(mine)), size=_RESAMPLES)
        held = weights.astype(np.float32) @ counts[mine]
        share = np.cumsum(held, axis=1, dtype=np.float64)
        share = np.concatenate([np.zeros((len(share), 1)), share / share[:, -1:]], axis=1)
        drawn.append(np.stack([np.interp(levels, row, edges) for row in share]))
    made: list[Quantile] = []
    for at, level in enumerate(levels):
        before, after = (float(np.quantile(values[mine], level)) for mine in (~now, now))
        low, high = np.quantile(drawn[1][:, at] - drawn[0][:, at], [0.025, 0.975])
        made.append(Quantile(level, before, after, float(low), float(high)))
    return tuple(made)


def _stability(values: Floats, now: NDArray[np.bool_]) -> float:
    """In tenths of the reference, as usual."""
    edges = np.unique(np.quantile(values[~now], np.arange(1, _SHOWN) / _SHOWN))
    bins = np.searchsorted(edges, values, side="left")
    counts = [np.bincount(bins[mine], minlength=len(edges) + 1).astype(np.float64) for mine in (~now, now)]
    return stability_index(counts[0], counts[1])
