"""Candidates for the next steps of many series at once: levels times seasonal profiles, with and without a trend.

fit = fit_all(history, DAY)          # history: series x time, the present at the right, NaN before a series began
paths(fit, DAY, 28)                  # series x candidates x 28

A level is the exponentially weighted sum of what was seen over that of the profile, so that it is exact for silent
hours and quiet customers alike, and needs no recursion: exponential smoothing with a multiplicative season (Winters,
1960) in closed form. A trend is the weighted line through the same, damped (Gardner and McKenzie, 1985). Outliers that
stand alone are drawn in before anything is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.forecasts.grains import Grain

Array = NDArray[Any]

TINY: Final = 1e-12
# A profile begins as that of its peers, which counts as much as this many seasons of its own.
_PRIOR_SEASONS: Final = 0.35
# Steps that stand alone this many robust deviations away are drawn in.
_FAR: Final = 3.0
# How the size of errors grows with the level: between a constant (0) and a share of it (1).
GROWTH: Final = 0.6
# A trend may change a level by these factors at most.
_LEAST, _MOST = 0.25, 3.0
# Seasons of history that a trend is believed half.
_TREND_SEASONS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Fit:
    """Everything the paths follow from; one row per series.

    `level` and `slope` are series x smoothed candidates; `of` names each one's profile. `noise` is the mean absolute
    error of one step at the mean level, `drift` that of the level over one season, both in the series' unit.
    """

    level: Array
    slope: Array
    damping: Array
    of: tuple[int, ...]
    profiles: tuple[Array, ...]
    last: Array
    alive: Array
    typical: Array
    noise: Array
    drift: Array
    age: Array


def fit_all(history: Array, grain: Grain) -> Fit:
    """The candidates of every series; any length of history will do, and looks at nothing but its grain's window."""
    season = grain.season
    seen = _window(history, grain)
    known = ~np.isnan(seen)
    raw = np.where(known, seen, 0.0)
    mask = known.astype(np.float64)
    clean = raw
    blocks, profiles = _block_means(raw, mask, season), _profiles(raw, mask, grain)
    # Twice: at first what is expected is swollen by the outliers themselves.
    for _ in range(2):
        clean = _drawn_in(raw, known, _repeated(_median3(blocks), season) * _tiled(profiles[-1], raw.shape[1]))
        blocks, profiles = _block_means(clean, mask, season), _profiles(clean, mask, grain)
    age = mask.sum(axis=1)

    levels: list[Array] = []
    slopes: list[Array] = []
    damping: list[float] = []
    of: list[int] = []
    ages = np.arange(raw.shape[1] - 1, -1, -1, dtype=np.float64)
    fading = np.stack([0.5 ** (ages / each) for each in grain.half_lives], axis=1)
    for number, profile in enumerate(profiles):
        base = _tiled(profile, raw.shape[1]) * mask
        level = (clean @ fading) / np.maximum(base @ fading, TINY)
        for at in range(level.shape[1]):
            levels.append(level[:, at])
            slopes.append(np.zeros(len(raw)))
            damping.append(1.0)
            of.append(number)
    base = _tiled(profiles[-1], raw.shape[1]) * mask
    for half_life, damp in grain.trends:
        level, slope = _trend(clean, base, ages, half_life)
        levels.append(level)
        slopes.append(slope * age / (age + _TREND_SEASONS * season))
        damping.append(damp)
        of.append(len(profiles) - 1)

    # Of the last seasons; never so little of all that a customer who returns could not be told from noise.
    typical = np.maximum(blocks[:, -4:].mean(axis=1), 0.05 * blocks.mean(axis=1))
    noise, drift = _errors(clean, mask, blocks, profiles[-1], season, grain.memory, typical)
    return Fit(
        level=np.stack(levels, axis=1),
        slope=np.stack(slopes, axis=1),
        damping=np.array(damping),
        of=tuple(of),
        profiles=profiles,
        last=clean[:, -season:],
        alive=_alive(raw, known, grain),
        typical=typical,
        noise=noise,
        drift=drift,
        age=age,
    )


def paths(fit: Fit, grain: Grain, horizon: int) -> Array:
    """Series x candidates x horizon: the smoothed candidates, then the last season again for each season's length."""
    ahead = np.arange(1, horizon + 1, dtype=np.float64)
    made = np.empty((len(fit.level), len(fit.of) + len(grain.seasons), horizon))
    tiles = [_ahead(profile, horizon) for profile in fit.profiles]
    for at, number in enumerate(fit.of):
        path = fit.level[:, at, None] * tiles[number]
        if fit.damping[at] < 1:
            damp = fit.damping[at]
            change = 1 + fit.slope[:, at, None] * (damp * (1 - damp**ahead) / (1 - damp))
            path = path * np.clip(change, _LEAST, _MOST)
        made[:, at] = path
    for number, season in enumerate(grain.seasons):
        made[:, len(fit.of) + number] = _ahead(fit.last[:, -season:], horizon)
    return made * fit.alive[:, None, None]


def errors_ahead(fit: Fit, grain: Grain, path: Array) -> tuple[Array, Array]:
    """How large errors of a path (series x horizon) are likely to be, up to a factor: of each step, of the sum so far.

    Known when the forecast is made, so that residuals divided by it resemble one another and may be pooled.
    """
    horizon = path.shape[1]
    ahead = np.arange(1, horizon + 1)
    spread = fit.noise[:, None] * relative(path, fit.typical)
    wander = np.sqrt((ahead + grain.season / 2) / grain.season)
    moved = (fit.drift * fit.alive)[:, None] * _ahead(fit.profiles[-1], horizon) * wander
    step = np.sqrt(spread**2 + moved**2)
    total = np.sqrt(np.cumsum(spread**2, axis=1) + np.cumsum(moved, axis=1) ** 2)
    return np.maximum(step, TINY), np.maximum(total, TINY)


def relative(path: Array, typical: Array) -> Array:
    """How much larger than at the typical level errors are where the path is."""
    floor = 0.05 * typical[:, None] + TINY
    return ((path + floor) / (typical[:, None] + floor)) ** GROWTH


def _window(history: Array, grain: Grain) -> Array:
    """The last seasons of the history, at least two, filled up with NaN on the left."""
    season = grain.season
    length = max(2, min(history.shape[1] // season, grain.window // season)) * season
    if history.shape[1] >= length:
        return history[:, -length:]
    padded = np.full((len(history), length), np.nan)
    if history.shape[1]:
        padded[:, -history.shape[1] :] = history
    return padded


def _profiles(values: Array, mask: Array, grain: Grain) -> tuple[Array, ...]:
    """None, and one per season; each has the mean 1, and begins as that of the shorter one and of its peers."""
    made = [np.ones((len(values), 1))]
    for season in grain.seasons:
        shorter = _tiled(made[-1], season)
        made.append(_profile(values, mask, season, grain.memory, shorter))
    return tuple(made)


def _profile(values: Array, mask: Array, season: int, memory: float, shorter: Array) -> Array:
    count = values.shape[1] // season
    folded = values[:, -count * season :].reshape(len(values), count, season)
    there = mask[:, -count * season :].reshape(len(values), count, season)
    level = folded.sum(axis=2) / np.maximum(there.sum(axis=2), 1.0)
    fading = 0.5 ** (np.arange(count - 1, -1, -1) * season / memory)
    above = np.einsum("k,nkm->nm", fading, folded)
    below = np.einsum("nk,nkm->nm", fading * level, there)
    weight = (fading * level).sum(axis=1, keepdims=True) / fading.sum() + TINY
    own = above / np.maximum(below, TINY)
    # Peers: what series that have been there for some time have in common beyond their shorter season.
    grown = (there.sum(axis=(1, 2)) >= 3 * season) & (level.sum(axis=1) > 0)
    if grown.sum() >= 5:
        common = np.clip(own[grown] / np.maximum(shorter[grown], 0.05), 0.0, 5.0).mean(axis=0)
        start = shorter * (common / max(common.mean(), TINY))
    else:
        start = shorter
    strength = _PRIOR_SEASONS * weight
    profile = (above + strength * start) / (below + strength)
    return profile / np.maximum(profile.mean(axis=1, keepdims=True), TINY)


def _drawn_in(values: Array, known: Array, expected: Array) -> Array:
    """The values, where one that stands alone far from what was expected is drawn in to its neighbours' distance."""
    floor = expected.mean(axis=1, keepdims=True) * 0.1 + TINY
    ratio = (values + floor) / (expected + floor)
    centre = np.where(known, ratio, np.nan)
    away = np.abs(ratio - 1)
    size = np.maximum(_median(np.where(known, away, np.nan)), 0.05)[:, None] * 1.4826
    before = np.concatenate([centre[:, :1], centre[:, :-1]], axis=1)
    # The last step has no neighbour on the right yet: the two before it are asked.
    after = np.concatenate([centre[:, 1:], centre[:, -3:-2]], axis=1)
    middle = _middle(np.nan_to_num(before, nan=1.0), ratio, np.nan_to_num(after, nan=1.0))
    high, low = 1 + _FAR * size, np.maximum(1 - _FAR * size, 0.0)
    drawn = np.where(ratio > high, np.maximum(high, middle), np.where(ratio < low, np.minimum(low, middle), ratio))
    return np.where(known, np.maximum(drawn * (expected + floor) - floor, 0.0), 0.0)


def _trend(values: Array, base: Array, ages: Array, half_life: float) -> tuple[Array, Array]:
    """Level now and relative slope per step of the weighted line through values over base."""
    fading = 0.5 ** (ages / half_life)
    moments = np.stack([fading, -fading * ages, fading * ages**2], axis=1)
    below, above = base @ moments, values @ moments[:, :2]
    s0, s1, s2 = below.T
    determinant = np.maximum(s0 * s2 - s1**2, TINY)
    level = (s2 * above[:, 0] - s1 * above[:, 1]) / determinant
    slope = (s0 * above[:, 1] - s1 * above[:, 0]) / determinant
    flat = above[:, 0] / np.maximum(s0, TINY)
    sound = (level > 0.2 * flat) & (s0 * s2 > 1.0001 * s1**2)
    return np.where(sound, level, flat), np.where(sound, slope / np.maximum(level, TINY), 0.0)


def _errors(
    values: Array, mask: Array, blocks: Array, profile: Array, season: int, memory: float, typical: Array
) -> tuple[Array, Array]:
    fitted = _repeated(_median3(blocks), season) * _tiled(profile, values.shape[1])
    fading = 0.5 ** (np.arange(values.shape[1] - 1, -1, -1) / memory)
    weights = mask * fading
    # A profile of few seasons is drawn to each of them: what it misses them by is less than what it would a new one.
    held = fading[season - 1 :: season] * blocks
    pull = held / (held.sum(axis=1, keepdims=True) + _PRIOR_SEASONS * blocks.mean(axis=1, keepdims=True) + TINY)
    off = (np.abs(values - fitted) * weights / np.maximum(1 - _repeated(pull, season), 0.2)).sum(axis=1)
    noise = off / np.maximum((relative(fitted, typical) * weights).sum(axis=1), TINY)
    there = mask.reshape(len(mask), -1, season).sum(axis=2) >= season / 2
    pairs = there[:, 1:] & there[:, :-1]
    moves = np.abs(np.diff(blocks, axis=1)) * pairs
    block_fading = fading[season - 1 :: season][1:]
    count = (pairs * block_fading).sum(axis=1)
    own = (moves * block_fading).sum(axis=1) / np.maximum(typical, TINY)
    # Of a series that is young, its peers tell how levels move.
    common = own.sum() / count.sum() if count.sum() > 0 else 0.2
    moved = (np.minimum(own, 2.0 * count) + common) / (count + 1.0)
    return np.maximum(noise, 0.01 * typical), np.maximum(moved, 0.01) * typical


def _alive(values: Array, known: Array, grain: Grain) -> Array:
    """1, and less for a series that has been silent for longer than it ever was: half of it every few steps more."""
    alive = np.ones(len(values))
    spent = values[:, ::-1] > 0
    silent = np.where(spent.any(axis=1), spent.argmax(axis=1), 0)
    for row in np.flatnonzero(silent >= 2):
        steps = np.flatnonzero(values[row] > 0)
        longest = int(np.diff(steps).max() - 1) if len(steps) > 1 else 0
        over = silent[row] - max(longest, 1)
        if over > 0:
            alive[row] = 0.5 ** (over / (2.0 * grain.seasons[0] / 7.0))
    return alive


def _block_means(values: Array, mask: Array, season: int) -> Array:
    shape = (len(values), -1, season)
    return values.reshape(shape).sum(axis=2) / np.maximum(mask.reshape(shape).sum(axis=2), 1.0)


def _median3(blocks: Array) -> Array:
    """Each block's median with its neighbours, the last one's with the two before it."""
    if blocks.shape[1] < 3:
        return blocks
    before = np.concatenate([blocks[:, 2:3], blocks[:, :-1]], axis=1)
    after = np.concatenate([blocks[:, 1:], blocks[:, -3:-2]], axis=1)
    return _middle(before, blocks, after)


def _middle(a: Array, b: Array, c: Array) -> Array:
    return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))


def _median(values: Array) -> Array:
    """The median of each row's known values; 0 where none is."""
    ordered = np.sort(values, axis=1)
    count = (~np.isnan(values)).sum(axis=1)
    at = np.maximum(count - 1, 0) // 2
    found = np.take_along_axis(ordered, at[:, None], axis=1)[:, 0]
    return np.where(count > 0, found, 0.0)


def _repeated(blocks: Array, season: int) -> Array:
    return np.repeat(blocks, season, axis=1)


def _tiled(profile: Array, length: int) -> Array:
    """The profile over a stretch that ends with its last phase."""
    return np.tile(profile, -(-length // profile.shape[1]))[:, -length:]


def _ahead(profile: Array, horizon: int) -> Array:
    """The profile over the stretch that follows its last phase."""
    return np.tile(profile, -(-horizon // profile.shape[1]))[:, :horizon]
