"""The scoring of the Numenta Anomaly Benchmark: Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms",
ICMLA 2015, arXiv:1510.03336; details after the benchmark's repository (numenta/NAB, nab/sweeper.py), whose results it
gives.

A detection inside a labelled window earns the more, the earlier it is; only the best one of a window counts, and a
window without one costs 1. Each detection outside costs, the less, the closer it is behind a window. One threshold
over all series is chosen so that the sum is greatest. 0 is what a detector gets that never detects, 100 a perfect one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

PROBATION: Final = 0.15
FAR: Final = 3.0


@dataclass(frozen=True, slots=True)
class Profile:
    """What a detection, a false one and a missed window are worth."""

    hit: float = 1.0
    false: float = 0.11
    missed: float = 1.0


STANDARD: Final = Profile()
FEW_FALSE: Final = Profile(1.0, 0.22, 1.0)
FEW_MISSED: Final = Profile(1.0, 0.11, 2.0)


@dataclass(frozen=True, slots=True)
class Series:
    """One file: a score of each point, and windows as pairs of first and last index."""

    scores: Sequence[float]
    windows: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The normalised score at the best threshold, and what was detected there."""

    score: float
    threshold: float
    windows: int
    found: int
    false: int


def probation(length: int) -> int:
    """Points at the beginning that are not scored."""
    return math.floor(min(math.floor(PROBATION * length), PROBATION * 5000))


def weight(position: float) -> float:
    """What a detection is worth at a position: -1 a window's first point, 0 its end, beyond 0 behind it."""
    return -1.0 if position >= FAR else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def evaluate(corpus: Sequence[Series], profile: Profile = STANDARD) -> Outcome:
    """The score of the corpus at the threshold that is best for it."""
    events: list[tuple[float, int, float]] = []
    names = 0
    for series in corpus:
        places = _places(series, profile)
        events += [(score, -1 if window is None else names + window, worth) for score, window, worth in places]
        names += len(series.windows)
    # A window that lies wholly in the probation is none.
    counted = sorted({window for _, window, _ in events if window >= 0})
    nothing = -profile.missed * len(counted)
    best = Outcome(0.0, 1.1, len(counted), 0, 0)
    gained = dict.fromkeys(counted, -profile.missed)
    total, cost, false = nothing, 0.0, 0
    most = nothing
    for threshold, group in groupby(sorted(events, key=lambda each: -each[0]), key=lambda each: each[0]):
        for _, window, worth in group:
            if window < 0:
                cost += worth
                false += 1
            elif worth > gained[window]:
                total += worth - gained[window]
                gained[window] = worth
        if total + cost > most:
            most = total + cost
            found = sum(each > -profile.missed for each in gained.values())
            best = Outcome(most, threshold, len(counted), found, false)
    perfect = profile.hit * len(counted)
    scaled = 100.0 * (most - nothing) / (perfect - nothing) if counted else 0.0
    return Outcome(scaled, best.threshold, best.windows, best.found, best.false)


def total(series: Series, threshold: float, profile: Profile = STANDARD) -> float:
    """What one series earns at a threshold, not normalised."""
    earned = dict.fromkeys({window for _, window, _ in _places(series, profile) if window is not None}, -profile.missed)
    cost = 0.0
    for score, window, worth in _places(series, profile):
        if score >= threshold:
            if window is None:
                cost += worth
            else:
                earned[window] = max(earned[window], worth)
    return cost + sum(earned.values())


def _places(series: Series, profile: Profile) -> list[tuple[float, int | None, float]]:
    """Score, window and worth of every point that counts."""
    first = probation(len(series.scores))
    most = weight(-1.0)
    out: list[tuple[float, int | None, float]] = []
    previous: tuple[int, int] | None = None
    number = 0
    for at, score in enumerate(series.scores):
        while number < len(series.windows) and at > series.windows[number][1]:
            previous = series.windows[number]
            number += 1
        inside = number < len(series.windows) and series.windows[number][0] <= at
        if inside:
            left, right = series.windows[number]
            worth = weight(-(right - at + 1) / (right - left + 1)) * profile.hit / most
        elif previous is None:
            worth = -profile.false
        else:
            worth = weight((at - previous[1]) / max(previous[1] - previous[0], 1)) * profile.false
        if at >= first:
            out.append((score, number if inside else None, worth))
    return out
