"""Forecasts of many series: what they must be for any history, and that their intervals cover what they say."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.spend_series import made_up
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spanledger_analytics.methods.forecasts.conformal import LEVELS
from spanledger_analytics.methods.forecasts.forecasting import Forecast, forecast
from spanledger_analytics.methods.forecasts.grains import DAY, HOUR, Grain

WEEK = np.array([100.0, 104, 105, 102, 90, 17, 14])


def weeks(count: int, phase: int = 0) -> np.ndarray:
    return np.tile(np.roll(WEEK, -phase), count)


def same(one: Forecast, other: Forecast, factor: float = 1.0) -> None:
    for name in ("mean", "steps", "sums"):
        np.testing.assert_allclose(getattr(one, name) * factor, getattr(other, name), rtol=1e-7, atol=1e-9)


def sound(made: Forecast, series: int, horizon: int) -> None:
    assert made.mean.shape == (series, horizon)
    assert made.steps.shape == made.sums.shape == (series, len(LEVELS), horizon)
    for each in (made.mean, made.steps, made.sums):
        assert np.isfinite(each).all()
        assert (each >= 0).all()
    assert (np.diff(made.steps, axis=1) >= 0).all()
    assert (np.diff(made.sums, axis=1) >= 0).all()
    assert (np.diff(made.sums, axis=2) >= 0).all()
    near, far = len(LEVELS) // 2 - 1, len(LEVELS) // 2 + 1
    for mean, bands in ((made.mean, made.steps), (np.cumsum(made.mean, axis=1), made.sums)):
        assert (bands[:, near] <= mean).all()
        assert (mean <= bands[:, far]).all()
    assert len(made.methods) == series


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        float,
        st.tuples(st.integers(1, 5), st.integers(0, 60)),
        elements=st.one_of(st.just(0.0), st.just(np.nan), st.floats(0, 1e9)),
    ),
    st.integers(1, 40),
)
def test_any_history_has_a_sound_forecast(history: np.ndarray, horizon: int) -> None:
    sound(forecast(history, DAY, horizon), len(history), horizon)


@pytest.mark.parametrize("grain", [DAY, HOUR], ids=lambda grain: grain.name)
def test_a_factor_on_the_history_is_one_on_the_forecast_and_the_same_again_is_the_same(grain: Grain) -> None:
    history = made_up(6, 25, 11)
    values = history.daily() if grain is DAY else history.hourly
    made = forecast(values, grain, 14)
    same(made, forecast(values, grain, 14))
    same(made, forecast(values * 1000, grain, 14), 1000)


def test_the_order_of_series_does_not_matter() -> None:
    history = made_up(8, 60, 12).daily()
    order = np.array([3, 1, 7, 0, 2, 6, 5, 4])
    one, other = forecast(history, DAY, 14), forecast(history[order], DAY, 14)
    np.testing.assert_allclose(one.mean[order], other.mean, rtol=1e-6)
    np.testing.assert_allclose(one.sums[order], other.sums, rtol=1e-3)


def test_the_same_week_again_and_again_goes_on() -> None:
    made = forecast(weeks(12)[None], DAY, 14)
    np.testing.assert_allclose(made.mean[0], weeks(2), rtol=0.02)
    assert made.methods == ["seasonal"] or made.methods == ["naive"]


def test_a_series_that_never_changes_has_hardly_a_band() -> None:
    made = forecast(np.full((1, 90), 5.0), DAY, 30)
    np.testing.assert_allclose(made.mean, 5, rtol=1e-3)
    assert (made.steps[0, -1] - made.steps[0, 0]).max() < 1.5


def test_growth_goes_on_but_not_for_ever() -> None:
    rng = np.random.default_rng(5)
    days = np.arange(140)
    history = (100 * 1.006**days * weeks(20) / WEEK.mean() * rng.lognormal(0, 0.03, 140))[None]
    made = forecast(history, DAY, 90)
    now = history[0, -7:].sum()
    near, far = made.mean[0, :7].sum(), made.mean[0, -7:].sum()
    assert 1.005 * now < near < 1.12 * now
    assert near < far < 1.006**90 * now


def test_who_has_left_is_expected_to_spend_nothing() -> None:
    rng = np.random.default_rng(6)
    history = rng.lognormal(3, 0.2, (12, 120))
    history[0, -14:] = 0
    made = forecast(history, DAY, 30)
    assert made.mean[0].sum() < 0.05 * history[0, :-14].mean() * 30
    assert made.methods[0] == "ended"
    assert made.mean[1:].sum(axis=1).min() > 0.5 * np.median(history) * 30


def test_a_weekend_without_spend_is_no_leaving() -> None:
    history = weeks(20).copy()
    history[(np.arange(140) % 7) >= 5] = 0
    made = forecast(history[None], DAY, 7)
    np.testing.assert_allclose(made.mean[0, :5], WEEK[:5], rtol=0.05)
    assert made.mean[0, 5:].max() < 2


def test_a_newcomer_has_its_peers_week() -> None:
    """Four working days of history: whoever knows only those would expect a weekend like them."""
    rng = np.random.default_rng(7)
    history = weeks(20) * rng.lognormal(0, 0.05, (12, 140)) * rng.lognormal(0, 1, (12, 1))
    # Ends with a Thursday, and the newcomer came on Monday.
    history = history[:, : 140 - 3]
    history[0, :-4] = np.nan
    made = forecast(history, DAY, 7)
    level = history[0, -4:].mean()
    assert made.methods[0] == "new"
    assert made.mean[0, 1:3].max() < 0.6 * level
    assert made.mean[0, 3:7].min() > 0.6 * level


def test_one_dear_day_does_not_move_the_forecast() -> None:
    rng = np.random.default_rng(8)
    history = (weeks(20) * rng.lognormal(0, 0.05, 140))[None]
    spiked = history.copy()
    spiked[0, -5] *= 12
    plain, after = forecast(history, DAY, 28).mean.sum(), forecast(spiked, DAY, 28).mean.sum()
    assert after < 1.15 * plain


def test_ways_add_up_to_everything_over_every_step() -> None:
    history = made_up(9, 120, 13).daily()
    known = np.nan_to_num(history)
    whole, other = known.sum(axis=0), np.stack([known[::2].sum(axis=0), known[1::2].sum(axis=0)])
    ways = (np.arange(1, 10), np.array([10, 11]))
    made = forecast(np.concatenate([whole[None], history, other]), DAY, 30, ways)
    sound(made, 12, 30)
    for way in ways:
        np.testing.assert_allclose(made.mean[way].sum(axis=0), made.mean[0], rtol=1e-9)


@pytest.mark.parametrize(
    ("history", "horizon", "says"),
    [(np.ones(5), 3, "series x time"), (np.ones((1, 5)), 0, "horizon of 0"), (-np.ones((1, 5)), 3, "finite number"),
     (np.full((1, 5), np.inf), 3, "finite number")],
)  # fmt: skip
def test_what_is_no_history_is_refused(history: np.ndarray, horizon: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        forecast(history, DAY, horizon)


@pytest.mark.parametrize(("grain", "horizon", "days", "step"), [(DAY, 28, 240, 23), (HOUR, 24, 35, 61)])
def test_intervals_cover_what_they_say_and_errors_are_below_the_seasonal_naive(
    grain: Grain, horizon: int, days: int, step: int
) -> None:
    """On seeds that nothing was tuned on; each of the bounds leaves room for these being 40 series."""
    inside: dict[int, list[float]] = {50: [], 80: [], 90: []}
    totals: list[float] = []
    off = naive = 0.0
    for seed in (31, 32):
        series = made_up(40, days, seed)
        values = series.daily() if grain is DAY else series.hourly
        for back in (0, step):
            cut = values.shape[1] - horizon - back
            history, truth = values[:, :cut], values[:, cut : cut + horizon]
            kept = (~np.isnan(history)).sum(axis=1) >= 3 * grain.season
            made = forecast(history, grain, horizon)
            for band, ends in {50: (2, 4), 80: (1, 5), 90: (0, 6)}.items():
                low, high = made.steps[kept, ends[0]], made.steps[kept, ends[1]]
                inside[band].append(float(((truth[kept] >= low) & (truth[kept] <= high)).mean()))
            total = truth[kept].sum(axis=1)
            totals.append(float(((total >= made.sums[kept, 0, -1]) & (total <= made.sums[kept, -1, -1])).mean()))
            again = np.tile(history[:, -grain.season :], -(-horizon // grain.season))[:, :horizon]
            off += float(np.abs(truth - made.mean)[kept].sum())
            naive += float(np.abs(truth - again)[kept].sum())
    assert 0.86 <= np.mean(inside[90]) <= 0.94
    assert 0.75 <= np.mean(inside[80]) <= 0.87
    assert 0.45 <= np.mean(inside[50]) <= 0.62
    assert 0.82 <= np.mean(totals) <= 0.97
    assert off < 0.95 * naive
