"""Runs in statsforecast's own environment: forecasts of the series in a file, at the same origins, into another file.

    PYTHON forecast_peer.py IN.npz OUT.npz MODEL HORIZON SEASON[,SEASON] WINDOWS

IN has `history_I` (series x time, NaN before a series began) for each origin I. OUT has `mean_I`, and `low_I` and
`high_I`: 90 % intervals by the library's conformal method over so many windows, or with 0, and where a series is too
short for them, the model's own. NaN where it gave none.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
from statsforecast.models import MSTL, AutoETS, SeasonalNaive
from statsforecast.utils import ConformalIntervals


def model(name: str, seasons: list[int], horizon: int, windows: int):
    """A new model as its documentation sets it up."""
    intervals = ConformalIntervals(h=horizon, n_windows=windows) if windows else None
    if name == "SeasonalNaive":
        return SeasonalNaive(season_length=seasons[-1], prediction_intervals=intervals)
    if name == "AutoETS":
        return AutoETS(season_length=seasons[0], prediction_intervals=intervals)
    return MSTL(season_length=seasons, prediction_intervals=intervals)


def main() -> None:
    """Read, forecast one series after another, write."""
    source, target, name, horizon, seasons, windows = sys.argv[1:7]
    held, made = np.load(source), {}
    lengths = [int(each) for each in seasons.split(",")]
    began = time.monotonic()
    failed = 0
    warnings.simplefilter("ignore")
    for key in held.files:
        history = held[key]
        shape = (len(history), int(horizon))
        mean, low, high = (np.full(shape, np.nan) for _ in range(3))
        for row, values in enumerate(history):
            known = values[~np.isnan(values)]
            # Conformal windows need room; with less, the model's own intervals.
            room = len(known) > int(horizon) * (int(windows) + 1) + 2 * lengths[-1]
            try:
                found = model(name, lengths, int(horizon), int(windows) if room else 0).forecast(
                    y=known, h=int(horizon), level=[90]
                )
            except Exception:  # a model that cannot be fitted to this series
                failed += 1
                continue
            mean[row], low[row], high[row] = found["mean"], found["lo-90"], found["hi-90"]
        number = key.removeprefix("history_")
        made |= {f"mean_{number}": mean, f"low_{number}": low, f"high_{number}": high}
    np.savez(target, seconds=time.monotonic() - began, failed=failed, **made)


if __name__ == "__main__":
    main()
