"""Slow changes of daily sums: what grows by a few per cent a day passes every hourly test and doubles in a month."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WEEK: Final = 7
# Days that say what was usual, and the days before today that do not, since the change may be in them.
REFERENCE: Final = 28
GAP: Final = 14
_LEAST_NOISE: Final = 0.08
_ALLOWED: Final = 0.5
# ln-changes a day are cut at so many deviations: one wild day is not a trend.
_CUT: Final = 3.0


def creep(days: Floats) -> Floats:
    """Two-sided cumulative sums of daily surprise, series x days; positive for rises, in deviations above what is
    allowed.

    Page's CUSUM (Biometrika 41, 1954) of ln(day / usual day of that weekday), standardised by the median absolute
    deviation. The usual is the median over four weeks that end two weeks before: a slow rise must not drag it along.
    What is allowed is half a deviation a day. 0 while there are no six weeks of past, where a series was 0 in half of
    them, and where a value is missing. A day's result does not depend on later ones.
    """
    series, length = days.shape
    out = np.zeros((series, length))
    high, low = np.zeros(series), np.zeros(series)
    for day in range(REFERENCE + GAP, length):
        past = days[:, day - GAP - REFERENCE : day - GAP]
        same = past[:, (day - np.arange(day - GAP - REFERENCE, day - GAP)) % WEEK == 0]
        level = np.median(past, axis=1)
        of_day = np.median(same, axis=1) if same.shape[1] else level
        usual = np.where(of_day > 0, of_day, level)
        today = days[:, day]
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.log(today / usual)
            # The same weekday a week apart: the spread of a ratio of two days.
            apart = np.log(past[:, WEEK:] / past[:, :-WEEK])
            apart = np.abs(apart)
        noise = np.full(series, np.nan)
        some = np.isfinite(apart).any(axis=1)
        noise[some] = np.nanmedian(np.where(np.isfinite(apart[some]), apart[some], np.nan), axis=1) * 1.4826 / 2.0**0.5
        known = np.isfinite(step) & np.isfinite(noise) & (level > 0)
        scaled = np.clip(
            np.where(known, step, 0.0) / np.maximum(np.where(known, noise, 1.0), _LEAST_NOISE), -_CUT, _CUT
        )
        high = np.where(known, np.maximum(0.0, high + scaled - _ALLOWED), 0.0)
        low = np.where(known, np.maximum(0.0, low - scaled - _ALLOWED), 0.0)
        out[:, day] = np.where(high >= low, high, -low)
    return out


def run_length(threshold: float, allowed: float = _ALLOWED) -> float:
    """Days between false alarms of one side at a threshold, for independent normal days (Siegmund 1985, (2.57))."""
    reach = threshold + 1.166
    return float((np.expm1(2.0 * allowed * reach) - 2.0 * allowed * reach) / (2.0 * allowed**2))
