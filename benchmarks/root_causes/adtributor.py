"""Adtributor, and its recursive form: our implementation after the papers.

Bhagwan et al., Adtributor: Revenue Debugging in Advertising Systems, NSDI 2014. Recursive: Persson and Rudenius,
Anomaly Detection and Fault Localization: An Automated Process for Advertising Systems, Chalmers 2018.
"""

from __future__ import annotations

import numpy as np
from benchmarks.root_causes.sets import Cause


def adtributor(
    codes: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    each_over: float = 0.1,
    all_over: float = 0.67,
    most: int = 3,
) -> list[Cause]:
    """The elements of the `most` most surprising dimensions that explain the change.

    Of each dimension elements are taken by surprise while their explanatory power is over `each_over`, until they
    explain `all_over`; a dimension that does not get there is out.
    """
    found: list[tuple[float, list[Cause]]] = []
    for dimension in range(codes.shape[1]):
        power, surprise = _scores(codes[:, dimension], before, after)
        taken: list[Cause] = []
        explained = told = 0.0
        for value in np.argsort(-surprise, kind="stable").tolist():
            if power[value] <= each_over:
                continue
            taken.append(((dimension, value),))
            explained += power[value]
            told += surprise[value]
            if explained > all_over:
                found.append((told, taken))
                break
    return [cause for _, taken in sorted(found, key=lambda each: -each[0])[:most] for cause in taken]


def recursive(
    codes: np.ndarray, before: np.ndarray, after: np.ndarray, each_over: float = 0.1, most: int = 3
) -> list[Cause]:
    """Elements with power over `each_over` in the most surprising dimensions, each looked into the same way."""
    return sorted({tuple(sorted(cause)) for cause in _deeper(codes, before, after, each_over, most, ())})


def _deeper(
    codes: np.ndarray, before: np.ndarray, after: np.ndarray, each_over: float, most: int, named: Cause
) -> list[Cause]:
    found: list[tuple[float, int, list[int]]] = []
    for dimension in range(codes.shape[1]):
        if any(dimension == used for used, _ in named):
            continue
        power, surprise = _scores(codes[:, dimension], before, after)
        taken = np.flatnonzero(power > each_over).tolist()
        # A dimension all of whose values take part explains nothing.
        if 0 < len(taken) < len(np.unique(codes[:, dimension])):
            found.append((float(surprise[taken].sum()), dimension, taken))
    causes: list[Cause] = []
    for _, dimension, taken in sorted(found, key=lambda each: -each[0])[:most]:
        deeper: list[Cause] = []
        for value in taken:
            inside = codes[:, dimension] == value
            below = _deeper(codes[inside], before[inside], after[inside], each_over, most, (*named, (dimension, value)))
            if not below:
                deeper = []
                break
            deeper += below
        causes += deeper or [(*named, (dimension, value)) for value in taken]
    return causes


def _scores(values: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(explanatory power, surprise) of each value of a dimension."""
    size = int(values.max()) + 1 if len(values) else 0
    sums = [np.bincount(values, part, size) for part in (before, after)]
    totals = [part.sum() for part in sums]
    change = totals[1] - totals[0]
    power = (sums[1] - sums[0]) / change if change else np.zeros(size)
    p, q = (part / whole if whole else np.zeros(size) for part, whole in zip(sums, totals, strict=True))
    middle = np.where(p + q > 0, p + q, 1.0) / 2

    def half(share: np.ndarray) -> np.ndarray:
        return share * np.log(np.where(share > 0, share / middle, 1.0))

    return power, (half(p) + half(q)) / 2
