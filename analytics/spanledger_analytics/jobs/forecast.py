"""The forecast job: once a UTC day, and when the books it was made of have changed, every slice's next 90 days."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spanledger_analytics.methods.forecasts.forecasting import Forecast, forecast
from spanledger_analytics.methods.forecasts.grains import DAY, HOUR
from spanledger_analytics.methods.forecasts.reconcile import rounded
from spanledger_store.control import Control, dirty, projects
from spanledger_store.control import forecasts as runs
from spanledger_store.control.forecasts import Run
from spanledger_store.engine import Engine
from spanledger_store.outlook import forecasts
from spanledger_store.outlook.forecasts import DIMENSIONS, Grain, Made
from spanledger_store.reports import buckets, catalog
from spanledger_store.reports.books import books
from spanledger_store.reports.buckets import Bucketing
from spanledger_store.scope import Dimension, Scope

HORIZON: Final = 90
HISTORY: Final = timedelta(days=400)
HOURS_AHEAD: Final = 72
HOURS_HISTORY: Final = timedelta(weeks=8)
# By the hour only the dearest of each dimension, of the last four weeks.
HOURLY_SLICES: Final = 20
CHECK_EVERY: Final = timedelta(minutes=4)
# A change of the history's sum beyond this share has forecasts made anew the same day.
CHANGED: Final = Decimal("0.002")
_UTC: Final = ZoneInfo("UTC")
_NANO: Final = 10**9
_TOTAL: Final = ("", "")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Histories:
    """Spend of each slice by step, in floats for statistics: slices (dimension, value) x steps, everything first.

    NaN before a slice's first spend. `ways` are the rows of each dimension.
    """

    slices: Sequence[tuple[str, str]]
    values: NDArray[np.float64]
    ways: Sequence[NDArray[np.intp]]


def run(
    engine: Engine,
    control: Control,
    progress: Progress = lambda *_: None,
    now: datetime | None = None,
    patience: timedelta = CHECK_EVERY,
) -> int:
    """Make the forecasts of every project that has none of today, or whose books have changed; how many series.

    Days are UTC's. Books are not looked at again before `patience` has passed; while hours of the past wait to be
    recomputed a project's turn has not come.
    """
    at = now or datetime.now(UTC)
    begins = at.replace(hour=0, minute=0, second=0, microsecond=0)
    made = 0
    known = projects.listing(control)
    for number, project in enumerate(known):
        last = runs.find(control, project.id)
        if last is not None and last.begins == begins and at - last.checked_at < patience:
            continue
        if any(each.project_id == project.id and each.hour < begins for each in dirty.pending(control)):
            continue
        spent = _spent(engine, project.id, begins)
        if last is not None and last.begins == begins and _alike(last.spent, spent):
            runs.checked(control, last, at)
            continue
        progress(f"forecasting {project.id}", number, len(known))
        if series := make(engine, project.id, begins, at, progress):
            runs.note(control, Run(project.id, begins, at, at, spent, series))
            made += series
    return made


def make(engine: Engine, project: str, begins: datetime, at: datetime, progress: Progress = lambda *_: None) -> int:
    """Forecast a project's slices from the books before `begins` (a UTC midnight) and store that; how many series."""
    progress(f"reading {project}", 0, 3)
    first = catalog.first_hour(engine, project)
    if first is None or first >= begins:
        return 0
    # A day that the books begin within would look like a slow one.
    whole = first.replace(hour=0) + (
        timedelta(days=1) if first.hour and begins - first > timedelta(days=2) else timedelta()
    )
    start = max(begins - HISTORY, whole)
    days = histories(engine, project, start, begins, "day")
    progress(f"forecasting {project}", 1, 3)
    made = forecast(days.values, DAY, HORIZON, days.ways)
    series = forecasts.save(engine, project, "day", begins, at, _rows(days, made))
    progress(f"forecasting {project} by the hour", 2, 3)
    start = max(begins - HOURS_HISTORY, first)
    hours = histories(engine, project, start, begins, "hour", _dearest(days))
    by_hour = forecast(hours.values, HOUR, HOURS_AHEAD)
    forecasts.save(engine, project, "hour", begins, at, _rows(hours, by_hour))
    progress(f"forecasting {project}", 3, 3)
    return series


def histories(
    engine: Engine,
    project: str,
    start: datetime,
    end: datetime,
    grain: Grain,
    only: Sequence[tuple[str, str]] | None = None,
) -> Histories:
    """Spend of everything and of every slice by UTC day or hour, from the books; `only` some slices if given."""
    step = forecasts.STEP[grain]
    length = (end - start) // step
    cut = Bucketing(_UTC, step=buckets.DAY if grain == "day" else buckets.HOUR)
    slices: list[tuple[str, str]] = [_TOTAL]
    blocks: list[NDArray[np.float64]] = []
    ways: list[NDArray[np.intp]] = []
    for dimension in ("", *DIMENSIONS):
        filters: dict[Dimension, tuple[str, ...]] = {}
        if dimension and only is not None:
            wanted = tuple(value for name, value in only if name == dimension)
            if not wanted:
                continue
            filters = {Dimension(dimension): wanted}
        by = [Dimension(dimension)] if dimension else []
        frame = books(engine, Scope(project, start, end, filters), by, cut, sums=("cost_usd",))
        names, block = _matrix(frame, dimension, start, step, length)
        if dimension:
            ways.append(np.arange(len(slices), len(slices) + len(names)))
            slices += [(dimension, name) for name in names]
        blocks.append(block)
    values = np.concatenate(blocks)
    begun = np.maximum.accumulate(values > 0, axis=1)
    return Histories(slices, np.where(begun, values, np.nan), ways)


def _matrix(
    frame: pl.DataFrame, dimension: str, start: datetime, step: timedelta, length: int
) -> tuple[list[str], NDArray[np.float64]]:
    at = ((frame["bucket"] - start).dt.total_seconds() // int(step.total_seconds())).to_numpy()
    if dimension:
        named = frame[dimension].cast(pl.String)
        names = sorted(named.unique().to_list())
        places = {name: row for row, name in enumerate(names)}
        rows = named.replace_strict(places, return_dtype=pl.Int64).to_numpy()
    else:
        names, rows = [""], np.zeros(len(frame), dtype=np.int64)
    block = np.zeros((len(names), length))
    block[rows, at] = frame["cost_usd"].cast(pl.Float64).to_numpy()
    # Credits and corrections may leave a day below 0; there is no spend to expect of it.
    return names, np.maximum(block, 0.0)


def _dearest(days: Histories) -> list[tuple[str, str]]:
    recent = np.nansum(days.values[:, -28:], axis=1)
    found: list[tuple[str, str]] = []
    for way in days.ways:
        order = way[np.argsort(-recent[way], kind="stable")]
        found += [days.slices[row] for row in order[:HOURLY_SLICES] if recent[row] > 0]
    return found


def _rows(of: Histories, made: Forecast) -> Iterator[Made]:
    """What is stored: means as exact decimals that add up, and no row for slices of which nothing is expected."""
    total, parts = rounded(made.mean[0], [made.mean[way] for way in of.ways], _NANO)
    means: NDArray[np.int64] = np.rint(made.mean * _NANO).astype(np.int64)
    # By the hour only some slices are there: they are parts of nothing.
    if of.ways and sum(map(len, of.ways)) == len(of.slices) - 1 and made.adds_up:
        means[0] = total
        for way, part in zip(of.ways, parts, strict=True):
            means[way] = part
    steps, sums = made.steps.astype(np.float32), made.sums.astype(np.float32)
    for row, (dimension, value) in enumerate(of.slices):
        if means[row].any() or sums[row].any() or not row:
            mean = [Decimal(int(each)).scaleb(-9) for each in means[row].tolist()]
            method = made.methods[row]
            yield Made(dimension, value, method, made.origins, mean, steps[row].tolist(), sums[row].tolist())


def _spent(engine: Engine, project: str, begins: datetime) -> Decimal:
    frame = books(engine, Scope(project, begins - HISTORY, begins), sums=("cost_usd",))
    found: list[Any] = frame["cost_usd"].to_list()
    return Decimal(found[0]) if found and found[0] is not None else Decimal(0)


def _alike(before: Decimal, now: Decimal) -> bool:
    return abs(now - before) <= CHANGED * max(abs(before), abs(now))
