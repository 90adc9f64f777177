"""How much is usual at an hour: a level times the day of the week times the hour of the day, for thousands of series.

A robust seasonal decomposition for the periods 24 and 168 in closed form: the level is a median of deseasonalised days,
the seasons are shares of sums, shrunk towards those of the whole. Most series have a few calls an hour or none, where
medians of single hours are 0 and loess has nothing to smooth; shares of sums still say when a day has its calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.anomalies.tails import surprise

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOURS: Final = 24
# Days of the week whose hours are alike: an evening elsewhere is the next UTC day's night.
_KINDS: Final = np.array([0, 1, 1, 1, 1, 2, 3])
_LEVEL_DAYS: Final = 10
# What the whole's pattern weighs: days (and more where a day has few hours with anything in them), and hours.
_DAYS_LENT: Final = 0.2
_HOURS_A_DAY_LENT: Final = 5.0
_HOURS_LENT: Final = 24.0
_MIN_DAY_NOISE: Final = 0.08


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Expected sums of the hours after the past, series x hours, and what their variance is made of.

    The variance of a stretch is `clumping` x expected + (`unrest` x expected)²: calls come in clumps, and days differ.
    """

    expected: Floats
    clumping: Floats
    unrest: Floats


def rhythm(past: Floats, weekday: int, hours: int = HOURS, *, counts: bool = False) -> Rhythm:
    """What the `hours` after `past` will be like.

    `past` is series x (days x 24), whole UTC days, non-negative, the first row the whole that others lean on;
    `weekday` is 0 (Monday) to 6 of the day that follows. `counts` says that values count something: their scatter is
    Poisson's at least. Without it the unit does not matter. Two weeks are needed for the week to be told from its
    days; with fewer the week counts as even.
    """
    series, length = past.shape
    days = length // HOURS
    cube = past[:, length - days * HOURS :].reshape(series, days, HOURS)
    of_day = (weekday - days + np.arange(days)) % 7
    totals = cube.sum(axis=2)
    week = _week(cube, totals, of_day)
    deseasoned = totals / np.maximum(week[:, of_day], 1e-9)
    recent = deseasoned[:, -_LEVEL_DAYS:]
    level = np.median(recent, axis=1)
    # Half of the days empty: the median says nothing, the mean still does.
    level = np.where(level > 0, level, recent.mean(axis=1))
    shape = _shape(cube, of_day)
    ahead = np.arange(hours)
    day = (weekday + ahead // HOURS) % 7
    expected = level[:, None] * week[:, day] * shape[:, _KINDS[day], ahead % HOURS]

    fitted = level[:, None, None] * week[:, of_day, None] * shape[:, _KINDS[of_day]]
    clumping = np.maximum(_clumping(cube, fitted), 1.0 if counts else 0.0)
    spread = 1.4826 * np.median(np.abs(recent - level[:, None]), axis=1) / np.maximum(level, 1e-9)
    rest = spread**2 - clumping / np.maximum(level, 1e-9)
    return Rhythm(expected, clumping, np.sqrt(np.maximum(rest, _MIN_DAY_NOISE**2)))


def _week(cube: Floats, totals: Floats, of_day: Ints) -> Floats:
    """Factors of the seven days, 1 on average over what was seen."""
    series, days = totals.shape
    seen = np.bincount(of_day, minlength=7)
    if days < 14:
        return np.ones((series, 7))
    mean = np.maximum(totals.mean(axis=1, keepdims=True), 1e-300)
    own = np.stack([totals[:, of_day == day].sum(axis=1) for day in range(7)], axis=1) / mean
    whole = own[0] / seen
    lent = _DAYS_LENT + _HOURS_A_DAY_LENT * days / np.maximum(_active(cube.reshape(series, -1)), 1e-9)[:, None]
    return (own + lent * whole) / (seen + lent)


def _shape(cube: Floats, of_day: Ints) -> Floats:
    """Shares of the hours in a day, series x kinds of day x 24, smoothed over neighbours."""
    series = len(cube)
    out = np.empty((series, 4, HOURS))
    every = cube.sum(axis=1)
    even = np.full(HOURS, 1.0 / HOURS)
    base = every[0] / every[0].sum() if every[0].sum() > 0 else even
    own = _smoothed(_leaning(every, _active(cube.reshape(series, -1)), base))
    for kind in range(4):
        some = cube[:, _KINDS[of_day] == kind]
        out[:, kind] = _leaning(some.sum(axis=1), _active(some.reshape(series, -1)), own)
    return _smoothed(out)


def _leaning(sums: Floats, active: Floats, base: Floats) -> Floats:
    """Shares of sums, leaning on `base` the more, the fewer hours they come from."""
    whole = sums.sum(axis=1, keepdims=True)
    shares = np.divide(sums, whole, out=np.zeros_like(sums), where=whole > 0)
    weight = np.where(whole > 0, active[:, None], 0.0)
    return (weight * shares + _HOURS_LENT * base) / (weight + _HOURS_LENT)


def _active(values: Floats) -> Floats:
    """How many values a row's sum is made of, in effect: all if they are equal, one if one is all of it."""
    if not values.shape[1]:
        return np.zeros(len(values))
    squares = (values**2).sum(axis=1)
    return np.divide(values.sum(axis=1) ** 2, squares, out=np.zeros(len(values)), where=squares > 0)


def _smoothed(shares: Floats) -> Floats:
    return 0.25 * np.roll(shares, 1, axis=-1) + 0.5 * shares + 0.25 * np.roll(shares, -1, axis=-1)


def _clumping(cube: Floats, fitted: Floats) -> Floats:
    """Variance over mean of hours, without the worst twentieth."""
    squares = ((cube - fitted) ** 2).reshape(len(cube), -1)
    means = fitted.reshape(len(cube), -1)
    relative = squares / np.maximum(means, 0.05 * np.maximum(means.mean(axis=1, keepdims=True), 1e-12))
    cut = np.quantile(relative, 0.95, axis=1, keepdims=True)
    kept = relative <= cut
    # A twentieth of a heavy tail is cut away: a third of the sum, for clumps of exponential size.
    return 1.5 * (squares * kept).sum(axis=1) / np.maximum((means * kept).sum(axis=1), 1e-12)


def departures(values: Floats, weekday: int = 0) -> Floats:
    """Normal scores of every hour beside what the days before made usual; series x hours, the first a Monday's 0:00
    UTC.

    0 in the first two weeks and where a value is missing. An hour's score does not depend on later ones, and not on the
    unit of the values.
    """
    out = np.zeros_like(values)
    filled = np.where(np.isfinite(values), np.maximum(values, 0.0), 0.0)
    for day in range(14, -(-values.shape[1] // HOURS)):
        start = day * HOURS
        stop = min(start + HOURS, values.shape[1])
        found = rhythm(
            np.concatenate((filled[:, :start].sum(axis=0, keepdims=True), filled[:, :start])), (weekday + day) % 7
        )
        expected = found.expected[1:, : stop - start]
        variance = found.clumping[1:, None] * expected + (found.unrest[1:, None] * expected) ** 2
        out[:, start:stop] = surprise(filled[:, start:stop], expected, variance)
    return np.where(np.isfinite(values), out, 0.0)
