"""What a call of a cell usually takes: robust ratios of sums, borrowed from like cells where there are few calls.

Tokens per call and cost per token are ratios of sums over lines. Their usual value is a median of five block ratios,
each block a fifth of the cell's calls in order of time (a median of means: Nemirovski and Yudin 1983; Lugosi and
Mendelson, FoCM 19, 2019), so that up to two fifths of the past may have been out of the ordinary. A cell with few
calls leans on cells of the same feature and model, those on the feature, and that on everything (empirical Bayes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCKS: Final = 5
# Calls that what is known of like cells weighs as much as.
_BORROWED: Final = 8.0
_BORROWED_FAR: Final = 2.0
_ENOUGH: Final = 100.0
_KNOWN: Final = 30.0
# Squared residuals beyond this many times their median are cut: they are what is looked for.
_CUT: Final = 25.0
_MEDIAN_OF_SQUARES: Final = 0.455


@dataclass(frozen=True, slots=True)
class Usual:
    """Per cell: the usual `ratio`, the squared relative scatter of one call, and the squared error of the ratio
    itself."""

    ratio: Floats
    scatter: Floats
    error: Floats


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of the past, sorted by cell and time: numerator and denominator of the ratio, and calls."""

    cell: Ints
    above: Floats
    below: Floats
    calls: Floats


def usual(lines: Lines, near: Ints, far: Ints, money: Floats) -> Usual:
    """The usual ratio of every cell.

    `near` and `far` number the groups that a cell belongs to (feature and model; feature); `money` is what cells cost,
    which says who speaks for a group where a model is new in it. Cells and groups without a past get the mean of all.
    """
    cells = len(near)
    calls = tally(lines.cell, lines.calls, cells)
    above = tally(lines.cell, lines.above, cells)
    below = tally(lines.cell, lines.below, cells)
    own = np.where(calls >= _ENOUGH, _median_of_blocks(lines, calls), _divided(above, below))
    own = np.where(np.isfinite(own), own, 0.0)
    per_call = _divided(below, calls)

    # What a group does is what its calls do; what a feature does is what its money does.
    weight = np.where(below > 0, below, 0.0)
    near_calls = tally(near, calls)
    near_ratio = _divided(tally(near, own * weight), tally(near, weight))
    paid = np.where(below > 0, money, 0.0)
    far_ratio = _divided(tally(far, own * paid), tally(far, paid))
    everywhere = float(_divided(np.sum(own * paid, keepdims=True), np.sum(paid, keepdims=True))[0])
    distant = np.where(np.isfinite(far_ratio), far_ratio, everywhere)[far]
    known = near_calls[near] >= _KNOWN
    prior = np.where(known, near_ratio[near], distant)
    lent = np.where(known, _BORROWED, _BORROWED_FAR)
    prior = np.where(np.isfinite(prior), prior, 0.0)
    ratio = (calls * own + lent * prior) / (calls + lent)

    scatter = _scatter(lines, ratio, per_call, near)
    # A cell's prior misses by about what one call does; what is known of it counts its calls.
    error = np.maximum(scatter, 0.15) / (calls + lent)
    return Usual(ratio, scatter, error)


def _median_of_blocks(lines: Lines, calls: Floats) -> Floats:
    cells = len(calls)
    running = np.cumsum(lines.calls)
    before = np.concatenate(([0.0], np.cumsum(calls)))[:-1]
    place = (running - lines.calls / 2 - before[lines.cell]) / np.maximum(calls[lines.cell], 1e-9)
    block = np.clip((place * BLOCKS).astype(np.int64), 0, BLOCKS - 1)
    at = lines.cell * BLOCKS + block
    above = tally(at, lines.above, cells * BLOCKS).reshape(cells, BLOCKS)
    below = tally(at, lines.below, cells * BLOCKS).reshape(cells, BLOCKS)
    found = np.full((cells, BLOCKS), np.nan)
    np.divide(above, below, out=found, where=below > 0)
    some = np.isfinite(found).any(axis=1)
    out = np.full(cells, np.nan)
    out[some] = np.nanmedian(found[some], axis=1)
    return out


def _scatter(lines: Lines, ratio: Floats, per_call: Floats, near: Ints) -> Floats:
    """Squared relative scatter per call; calls of one session resemble each other, so it is taken from whole hours."""
    typical = (ratio * np.where(np.isfinite(per_call), per_call, 0.0))[lines.cell]
    useful = (lines.calls > 0) & (typical > 0)
    cell, calls = lines.cell[useful], lines.calls[useful]
    square = ((lines.above - ratio[lines.cell] * lines.below)[useful] / typical[useful]) ** 2 / calls
    groups = int(near.max(initial=-1)) + 1
    if not len(square):
        return np.full(len(near), 1.0)
    usual = np.maximum(_medians(square, near[cell], groups) / _MEDIAN_OF_SQUARES, 1e-6)
    square = np.minimum(square, _CUT * usual[near[cell]])
    overall = float(np.average(square, weights=calls))
    of_group = tally(near[cell], square * calls, groups)
    n_group = tally(near[cell], calls, groups)
    pooled = (of_group + _KNOWN * overall) / (n_group + _KNOWN)
    n_cell = tally(cell, calls, len(near))
    return (tally(cell, square * calls, len(near)) + _KNOWN * pooled[near]) / (n_cell + _KNOWN)


def _medians(values: Floats, group: Ints, groups: int) -> Floats:
    """The median of each group's values; 0 for a group without any."""
    order = np.lexsort((values, group))
    counts = np.bincount(group, minlength=groups)
    middle = np.cumsum(counts) - counts + counts // 2
    out = np.zeros(groups)
    some = counts > 0
    out[some] = values[order][middle[some]]
    return out


def tally(group: Ints, values: Floats, groups: int = 0) -> Floats:
    """Sums of values by group, at least `groups` of them."""
    return np.bincount(group, values, groups).astype(np.float64)


def _divided(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
