"""Anomalies of any single stream, as its values come: how unlike everything before the last stretch is.

The distance of the newest stretch to its nearest neighbour among all earlier ones is the left matrix profile (Yeh et
al., ICDM 2016; as a stream: DAMP, Lu et al., KDD 2022), here of plain values and at several lengths. Not the very
nearest counts, but that of a small share of the past, so that what has happened once or twice is still strange, and a
level that lasts becomes known. A point is as strange as its distance exceeds what distances have been so far.
"""

from __future__ import annotations

import bisect
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LENGTHS: Final = ((1, 0.003), (8, 0.01), (24, 0.01))
"""Lengths of stretches, each with the share of the past that must resemble it for it to be known."""
_WARM: Final = 0.15
_QUANTILE: Final = 0.99
_FEWEST: Final = 20
# Of the range so far: below this a distance is rounding.
_LEAST: Final = 1e-3
# ln of how much stranger a first change is than none at all.
_CERTAIN: Final = 50.0
_REST: Final = 150
"""Points during which only what is stranger still is told again."""


def strangeness(values: Floats, warm_up: int | None = None) -> Floats:
    """For each value how strange it is by what came before, in [0, 1); 0 for the first `warm_up` (15 %) and where NaN.

    Multiplying or shifting all values changes nothing. The result for a value does not depend on later ones.
    """
    length = len(values)
    first = int(length * _WARM) if warm_up is None else warm_up
    filled = _filled(values)
    if first >= length:
        return np.zeros(length)
    found = np.zeros(length)
    for span, share in LENGTHS:
        found = np.maximum(found, _excess(_profile(filled, span, share), filled, max(first, 4 * span)))
    found[:first] = 0.0
    found[~np.isfinite(values)] = 0.0
    return _told_once(1.0 - np.exp(-found))


def _filled(values: Floats) -> Floats:
    """Missing values repeat the last one."""
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(len(values))
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.where(last >= 0, values[np.maximum(last, 0)], values[np.argmax(known)])


def _profile(values: Floats, span: int, share: float) -> Floats:
    """Root mean square distance of the last `span` values to the nearest `share` of earlier stretches, without
    overlap."""
    length = len(values)
    out = np.full(length, np.nan)
    # sums[s] = squared distance of the stretch that ends now to the one that ends at s.
    sums = np.zeros(length)
    for now in range(length):
        known = now + 1
        square = (values[:known] - values[now]) ** 2
        sums[1:known] = sums[: known - 1]
        sums[0] = 0.0
        sums[:known] += square
        if now >= span:
            sums[span:known] -= (values[: known - span] - values[now - span]) ** 2
            sums[:span] = 0.0
        if now >= 2 * span:
            near = sums[span : known - span]
            rank = int(share * len(near))
            if rank < len(near):
                out[now] = np.sqrt(max(float(np.partition(near, rank)[rank]), 0.0) / span)
    return out


def _excess(profile: Floats, values: Floats, first: int) -> Floats:
    """ln of how many times the upper quantile of earlier distances a distance is; 0 below it."""
    out = np.zeros(len(profile))
    past: list[float] = []
    high, low = np.maximum.accumulate(values), np.minimum.accumulate(values)
    for now in range(len(profile)):
        distance = float(profile[now])
        if not np.isfinite(distance):
            continue
        if now >= first and len(past) > _FEWEST:
            least = _LEAST * float(high[now - 1] - low[now - 1])
            usual = max(past[min(int(_QUANTILE * len(past)), len(past) - 1)], least)
            if distance > usual:
                out[now] = np.log(distance / usual) if usual > 0 else _CERTAIN
        bisect.insort(past, distance)
    return out


def _told_once(scores: Floats) -> Floats:
    """Scores that are above all of the last `_REST`; the others become 0, since their episode has been told."""
    out = scores.copy()
    for now in range(1, len(scores)):
        if scores[now] <= scores[max(0, now - _REST) : now].max():
            out[now] = 0.0
    return out
