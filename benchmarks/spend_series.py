"""Series of spend to try forecasts and detectors on: made up by a documented recipe, or of the demo's company.

`made_up` draws each series on its own: a level (log-normal) that wanders and has a trend which changes now and then; a
week and a day of one of three rhythms (office, retail, always on), each series' own by some noise; good and bad days
that last (autoregressive); calls in an hour (Poisson, so that quiet series are bursts and zeros) of unequal cost
(gamma, of a series' own spread); batch runs that stand out (Pareto). Some are launched further (a step up over some
days), some get cheaper at once (a model swap), some begin within the window, some leave for good, and office series
know holidays.
`of_demo` has the demo month's sessions and events, longer, and their cost per session with the demo's spread.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from spanledger_cli.demo import expectations, traffic
from spanledger_cli.demo.company import FEATURES
from spanledger_cli.demo.story import story
from spanledger_cli.demo.volume import hour_profile, hour_starts

Floats = NDArray[np.float64]
DAY = 24
_WEEKENDS = {"office": (0.17, 0.14), "retail": (0.92, 0.74), "global": (0.50, 0.46)}


@dataclass(frozen=True)
class Series:
    """Hourly spend, series x hours, NaN before a series began; and the ways the first row is split, if it is."""

    hourly: Floats
    ways: tuple[NDArray[np.intp], ...] = ()

    def daily(self) -> Floats:
        """Spend by day: series x days; a day that a series began in counts from its first hour."""
        shape = (len(self.hourly), -1, DAY)
        held = self.hourly.reshape(shape)
        return np.where(np.isnan(held).all(axis=2), np.nan, np.nansum(held, axis=2))


def made_up(count: int, days: int, seed: int) -> Series:
    """`count` series of that many days, a pure function of its arguments."""
    rng = np.random.default_rng([20_260, seed])
    hourly = np.stack([_one(rng, days) for _ in range(count)])
    return Series(hourly)


def _one(rng: np.random.Generator, days: int) -> Floats:
    rhythm = rng.choice(["office", "retail", "global"], p=[0.5, 0.25, 0.25])
    day = np.arange(days)
    # The level: dollars a day.
    level = rng.lognormal(3.0, 1.4)
    trend = np.full(days, rng.normal(0.001, 0.003))
    for at in np.flatnonzero(rng.random(days) < 1 / 90):
        trend[at:] = rng.normal(0.001, 0.004)
    wander = np.cumsum(rng.normal(0, rng.uniform(0.003, 0.03), days) + trend)
    weather = _autoregressive(rng, days, rng.uniform(0.2, 0.7), rng.uniform(0.04, 0.18))
    factor = np.exp(wander - wander.mean() + weather)
    if rng.random() < 0.25:
        begin, ramp = rng.integers(days // 10, days), rng.uniform(1, 8)
        factor = factor * (1 + rng.uniform(0.3, 1.6) * np.clip((day - begin) / ramp, 0, 1))
    if rng.random() < 0.15:
        factor = np.where(day >= rng.integers(days // 10, days), factor * rng.uniform(0.4, 0.9), factor)
    weekday = (day + rng.integers(7)) % 7
    saturday, sunday = _WEEKENDS[rhythm]
    week = np.array([1.0, 1.04, 1.05, 1.02, 0.9, saturday, sunday]) * rng.lognormal(0, 0.06, 7)
    of_day = week[weekday]
    if rhythm == "office":
        of_day = np.where(rng.random(days) < 10 / 365, 0.3 * of_day, of_day)
    shift = rng.integers(DAY)
    of_hour = np.roll(hour_profile(rhythm, np.arange(24) + 0.5), shift) * rng.lognormal(0, 0.08, 24)
    expected = (level * factor * of_day)[:, None] * (of_hour / of_hour.sum())
    expected = expected * np.exp(rng.normal(0, 0.12, expected.shape))
    # A call costs `dollars` on average: few dear calls or many cheap ones.
    dollars = level / rng.lognormal(5.5, 1.5)
    calls = rng.poisson(np.minimum(expected / dollars, 1e6))
    spread = rng.uniform(0.3, 2.0)
    spent = rng.gamma(np.maximum(calls / spread, 1e-9), spread * dollars) * (calls > 0)
    batches = rng.random(spent.shape) < rng.uniform(0, 1.5) / 1000
    spent = spent + batches * level * 0.15 * (1 + rng.pareto(2.2, spent.shape))
    hours = spent.reshape(-1)
    if rng.random() < 0.12:
        hours[rng.integers(len(hours) // 4, len(hours)) :] = 0.0
    if rng.random() < 0.25:
        hours[: rng.integers(1, int(len(hours) * 0.8))] = np.nan
    return hours


def _autoregressive(rng: np.random.Generator, length: int, keeps: float, size: float) -> Floats:
    made = np.empty(length)
    last = 0.0
    for at, shock in enumerate(rng.normal(0, size * np.sqrt(1 - keeps**2), length)):
        last = made[at] = keeps * last + shock
    return made


def of_demo(days: int, seed: int) -> Series:
    """The demo's company: everything, then each customer, then each feature; the first row is split both ways."""
    month = story(seed, datetime(2026, 11, 1, tzinfo=UTC), days=days, spans=110_000 * days // 30)
    rng = np.random.default_rng([20_261, seed])
    starts = hour_starts(month.start_ns, month.hours).tolist()
    customers = [each.name for each in month.customers]
    features = [each.name for each in FEATURES]
    spent = np.zeros((len(customers), len(features), month.hours))
    for (customer, feature), sessions in traffic.session_counts(month).items():
        usual = expectations.calls_per_session(feature)
        dollars = np.empty(month.hours)
        known: dict[tuple[float, float], float] = {}
        for hour, ns in enumerate(starts):
            now = month.conditions(ns, customer, feature)
            key = (now.cache_hit, now.token_factor)
            if key not in known:
                known[key] = usual * expectations.call_cost(feature, now.cache_hit) * now.token_factor
            dollars[hour] = known[key] * customer.verbosity
        made = rng.gamma(np.maximum(sessions / 1.3, 1e-9), 1.3 * dollars) * (sessions > 0)
        spent[customers.index(customer.name), features.index(feature.name)] = made
    by_customer, by_feature = spent.sum(axis=1), spent.sum(axis=0)
    rows = np.concatenate([spent.sum(axis=(0, 1))[None], by_customer, by_feature])
    begun = np.maximum.accumulate(rows > 0, axis=1)
    ways = (np.arange(1, 1 + len(customers)), np.arange(1 + len(customers), len(rows)))
    return Series(np.where(begun, rows, np.nan), ways)
