"""Forecasts of many series of spend at once, with intervals that cover what they say and levels that add up.

made = forecast(history, DAY, 90, ways=[customers, models])
made.mean[0], made.steps[0], made.sums[0]      # series x horizon; quantiles of each step, and of the sum up to it

The past is replayed: at origins spread over it, every candidate forecasts from what was known then. A series' forecast
is the mean of the candidates, each weighted by how little it had missed by at the origins before (Bates and Granger,
1969), its own record beside that of all series, and anew for near and far horizons. What such a combination then
misses by, after the levels have been made to add up, is what intervals are made of (`conformal`). Nothing in a replayed
forecast or in its scale knows more than was known at its origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.forecasts.conformal import LEVELS, Residuals
from spanledger_analytics.methods.forecasts.grains import Grain
from spanledger_analytics.methods.forecasts.reconcile import reconciled
from spanledger_analytics.methods.forecasts.smoothing import TINY, Fit, errors_ahead, fit_all, paths

Array = NDArray[Any]

# The more, the more a candidate's record decides.
_SHARPNESS: Final = 12.0
# The record of all series counts as much as this many seasons of a series' own.
_COMMON_SEASONS: Final = 1.5
# That errors are as large as expected counts as much as this many seasons of a series' own residuals.
_EXPECTED_SEASONS: Final = 4.0
# Seasons after which a record counts half.
_FORGETS: Final = 3.0
_ORIGINS: Final = 32
# Of the shortest seasons, so many lie before the first origin.
_BEFORE: Final = 2
# Relative errors of one step or series beyond this are as bad as this: one must not decide for all.
_WORST: Final = 8.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to be expected; series in the order of the history, quantiles at `conformal.LEVELS`, none below 0.

    | field | shape | |
    |---|---|---|
    | mean | series x horizon | adds up over every way the series were split |
    | steps | series x levels x horizon | quantiles of each step |
    | sums | series x levels x horizon | quantiles of the sum of all steps so far |
    | methods | series | what counts most: `level`, `seasonal`, `trend`, `naive`; `new`, `ended` say what a series is |
    | adds_up | | whether the series were split, so that the means add up |
    | origins | | how many origins the intervals rest on |
    """

    mean: Array
    steps: Array
    sums: Array
    methods: Sequence[str]
    adds_up: bool
    origins: int


def forecast(
    history: Array,
    grain: Grain,
    horizon: int,
    ways: Sequence[NDArray[np.intp]] = (),
    origins: int = _ORIGINS,
) -> Forecast:
    """Forecast each series (series x time, the newest at the right, NaN before it began) over `horizon` steps.

    `ways` are the splits of the first series, the whole: each names the rows that are its parts. With them all means
    add up, to the rounding of floats. Any length of history will do; with less than three seasons nothing can be
    replayed, and intervals are what is believed of new series. Raises ValueError for spend below 0 and horizons
    below 1.
    """
    _check(history, horizon)
    length = history.shape[1]
    offsets = _offsets(length, horizon, grain, origins)
    records = _Records(len(history), grain, horizon, offsets)
    steps = Residuals(grain.steps, grain.recency)
    sums = Residuals(grain.steps, grain.recency)
    for at, ago in enumerate(offsets):
        known = history[:, : length - ago]
        made = _combined(known, grain, horizon, records, at, ways)
        if not ago:
            return _finished(made, records, steps, sums, adds_up=bool(ways))
        ahead = min(horizon, ago)
        truth = history[:, length - ago : length - ago + ahead]
        kinds = _kinds(made.fit, grain)
        of_steps, of_sums = records.scales(at)
        silent = (made.fit.typical <= TINY)[:, None] | np.isnan(truth)
        missed = np.where(silent, np.nan, (truth - made.mean[:, :ahead]) / made.scale[:, :ahead])
        total = np.cumsum(np.where(silent, 0.0, truth - made.mean[:, :ahead]), axis=1)
        summed = np.where(silent, np.nan, total / made.scale_of_sums[:, :ahead])
        # Where nothing at all would have lain: no interval reaches below that.
        floor = -made.mean[:, :ahead] / (made.scale[:, :ahead] * of_steps[:, None])
        steps.add(ago, missed / of_steps[:, None], kinds, floor)
        floor = -np.cumsum(made.mean[:, :ahead], axis=1) / (made.scale_of_sums[:, :ahead] * of_sums[:, None])
        sums.add(ago, summed / of_sums[:, None], kinds, floor)
        records.note(at, np.where(silent, np.nan, truth), made, missed, summed)
    raise AssertionError("the last offset is 0")


@dataclass(frozen=True, slots=True)
class _Made:
    """One origin's forecast; scales are those of `errors_ahead`."""

    fit: Fit
    candidates: Array
    weights: Array
    mean: Array
    scale: Array
    scale_of_sums: Array


class _Records:
    """What has become known of every origin's forecasts by each later one."""

    def __init__(self, series: int, grain: Grain, horizon: int, offsets: Sequence[int]) -> None:
        self.grain = grain
        self.horizon = horizon
        self.offsets = offsets
        self.groups = [*(group for group in grain.groups if group < horizon), horizon]
        candidates = len(grain.half_lives) * (len(grain.seasons) + 1) + len(grain.trends) + len(grain.seasons)
        shape = (len(offsets), series, len(self.groups))
        self._errors = np.zeros((*shape, candidates), dtype=np.float32)
        self._seasons = np.zeros(shape, dtype=np.float32)
        # Sum over origins of mean absolute scaled residuals, and how many seasons those are of: of steps, of sums.
        self._sizes = np.zeros((2, 2, len(offsets), series))

    def weights(self, at: int) -> Array:
        """Series x groups x candidates, each series' sum is 1."""
        errors, seasons = self._errors[at].astype(np.float64), self._seasons[at][:, :, None].astype(np.float64)
        own = np.minimum(errors / np.maximum(seasons, TINY), _WORST)
        there = seasons[:, :, 0] > 0
        count = there.sum(axis=0)[:, None]
        common = np.where(count > 0, (own * there[:, :, None]).sum(axis=0) / np.maximum(count, 1), np.nan)
        # A horizon of which nothing is known yet has the record of the longest that something is known of.
        for group in range(1, len(common)):
            common[group] = np.where(np.isnan(common[group]), common[group - 1], common[group])
        common = np.where(np.isnan(common), 1.0, common)
        both = (own * seasons + common * _COMMON_SEASONS) / (seasons + _COMMON_SEASONS)
        weights = np.maximum(both, 1e-3) ** -_SHARPNESS
        weights = np.where(weights < 0.15 * weights.max(axis=2, keepdims=True), 0.0, weights)
        return weights / weights.sum(axis=2, keepdims=True)

    def scales(self, at: int) -> tuple[Array, Array]:
        """How much larger each series' errors have been than expected: of steps, of sums (series)."""
        found: list[Array] = []
        for sums, seasons in self._sizes[:, :, at]:
            usual = sums.sum() / seasons.sum() if seasons.sum() > 0 else 1.0
            usual = max(usual, TINY)
            found.append((sums / usual + _EXPECTED_SEASONS) / (seasons + _EXPECTED_SEASONS))
        return found[0], found[1]

    def note(self, at: int, truth: Array, made: _Made, missed: Array, summed: Array) -> None:
        """Tell later origins what was missed by as far as they know it."""
        season = self.grain.season
        there = ~np.isnan(truth)
        off = np.abs(np.where(there, truth, 0.0)[:, None, :] - made.candidates[:, :, : truth.shape[1]])
        off = off * there[:, None, :]
        unit = np.maximum(made.fit.noise + made.fit.drift, TINY)[:, None, None]
        so_far = np.cumsum(np.minimum(off / unit, 50.0), axis=2)
        counted = np.cumsum(there, axis=1)
        absolute = np.where(np.isnan(missed), 0.0, np.minimum(np.abs(missed), _WORST))
        sized = np.cumsum(absolute, axis=1)
        of_sums = np.where(np.isnan(summed), 0.0, np.minimum(np.abs(summed), _WORST))
        sized_sums = np.cumsum(of_sums, axis=1)
        for later in range(at + 1, len(self.offsets)):
            since = self.offsets[at] - self.offsets[later]
            known = min(self.horizon, since)
            # What was missed by of late says more about what a series is like now.
            fading = 0.5 ** ((since - known) / (_FORGETS * season))
            low = 0
            for group, high in enumerate(self.groups):
                end = min(high, known)
                if end > low:
                    errors = so_far[:, :, end - 1] - (so_far[:, :, low - 1] if low else 0.0)
                    steps = counted[:, end - 1] - (counted[:, low - 1] if low else 0)
                    share = fading * np.minimum(steps / self.grain.seasons[0], 1.0)
                    mean = errors / np.maximum(steps, 1)[:, None]
                    self._errors[later, :, group] += mean * share[:, None]
                    self._seasons[later, :, group] += share
                low = high
            steps = counted[:, known - 1]
            share = fading * np.minimum(steps / self.grain.seasons[0], 1.0)
            for number, sized_by in enumerate((sized, sized_sums)):
                self._sizes[number, 0, later] += share * sized_by[:, known - 1] / np.maximum(steps, 1)
                self._sizes[number, 1, later] += share


def _combined(
    known: Array, grain: Grain, horizon: int, records: _Records, at: int, ways: Sequence[NDArray[np.intp]]
) -> _Made:
    fit = fit_all(known, grain)
    candidates = paths(fit, grain, horizon)
    weights = records.weights(at)
    mean = np.empty((len(known), horizon))
    low = 0
    for group, high in enumerate(records.groups):
        mean[:, low:high] = np.einsum("nc,nch->nh", weights[:, group], candidates[:, :, low:high])
        low = high
    scale, of_sums = errors_ahead(fit, grain, mean)
    if ways:
        variance = scale**2
        mean = mean.copy()
        mean[0], parts = reconciled(mean[0], [mean[way] for way in ways], variance[0], [variance[way] for way in ways])
        for way, part in zip(ways, parts, strict=True):
            mean[way] = part
    return _Made(fit, candidates, weights, mean, scale, of_sums)


def _finished(made: _Made, records: _Records, steps: Residuals, sums: Residuals, *, adds_up: bool) -> Forecast:
    horizon = made.mean.shape[1]
    kinds = _kinds(made.fit, records.grain)
    of_steps, of_sums = records.scales(len(records.offsets) - 1)
    around = made.mean[:, None, :] + (of_steps[:, None] * made.scale)[:, None, :] * steps.quantiles(horizon, kinds)
    summed = np.cumsum(made.mean, axis=1)
    quantiles = sums.quantiles(horizon, kinds)
    around_sums = summed[:, None, :] + (of_sums[:, None] * made.scale_of_sums)[:, None, :] * quantiles
    # A sum of spend never falls.
    around_sums = np.maximum.accumulate(np.maximum(_holding(around_sums, summed), 0.0), axis=2)
    return Forecast(
        mean=made.mean,
        steps=np.maximum(_holding(around, made.mean), 0.0),
        sums=around_sums,
        methods=_methods(made, records.grain),
        adds_up=adds_up,
        origins=len(records.offsets) - 1,
    )


def _holding(quantiles: Array, mean: Array) -> Array:
    """The quantiles, each band as wide as it must be for what is expected to lie within it.

    Where spend has always come out above its forecast, as in a first month of growth, half of it lay above the mean.
    """
    middle = len(LEVELS) // 2
    held = quantiles.copy()
    held[:, :middle] = np.minimum(quantiles[:, :middle], mean[:, None])
    held[:, middle + 1 :] = np.maximum(quantiles[:, middle + 1 :], mean[:, None])
    return held


def _methods(made: _Made, grain: Grain) -> list[str]:
    """What counts most for each series' middle horizons."""
    weights = made.weights[:, made.weights.shape[1] // 2]
    flat = len(grain.half_lives)
    seasonal = flat * (len(grain.seasons) + 1)
    trend = seasonal + len(grain.trends)
    kinds = np.array(["level", "seasonal", "trend", "naive"])
    parts = (weights[:, :flat], weights[:, flat:seasonal], weights[:, seasonal:trend], weights[:, trend:])
    named = kinds[np.argmax(np.stack([part.sum(axis=1) for part in parts]), axis=0)]
    named = np.where(made.fit.age < _BEFORE * grain.season, "new", named)
    return np.where(made.fit.alive < 0.5, "ended", named).tolist()


def _kinds(fit: Fit, grain: Grain) -> Array:
    """Series whose residuals are alike: as old (the tens), and with as much of the level noise (the ones)."""
    share = fit.noise / np.maximum(fit.typical, TINY)
    return np.digitize(share, (0.12, 0.3, 0.7)) + 10 * np.digitize(fit.age / grain.season, (2.0, 3.5, 6.0))


def _offsets(length: int, horizon: int, grain: Grain, origins: int) -> list[int]:
    """How many steps ago each origin lies, the first one first, the present (0) last.

    Evenly spread, in steps that share no divisor with a season, so that every phase of it comes to be an origin.
    """
    season = grain.season
    room = length - _BEFORE * grain.seasons[0]
    if room < 1:
        return [0]
    reach = min(room, horizon + max(2 * horizon, 6 * season))
    step = max(1, -(-reach // origins))
    while step > 1 and np.gcd(step, season) > 1:
        step += 1
    return [*reversed(range(step, reach + 1, step)), 0] if step <= reach else [room, 0]


def _check(history: Array, horizon: int) -> None:
    if history.ndim != 2:
        raise ValueError(f"a history is series x time, got the shape {history.shape}")
    if horizon < 1:
        raise ValueError(f"a horizon of {horizon} steps is none; ask for 1 or more")
    if np.isinf(history).any() or (history < 0).any():
        raise ValueError("spend is a finite number of 0 or more; leave unknown steps NaN")


__all__ = ["LEVELS", "Forecast", "forecast"]
