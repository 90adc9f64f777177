"""What was usual before a day: rates of a call, and the rhythm of the work, without what is explained already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.anomalies import scan
from spanledger_analytics.methods.anomalies.cells import Cells, Floats, Slices
from spanledger_analytics.methods.anomalies.events import Event, Past, Planned
from spanledger_analytics.methods.anomalies.ratios import tally
from spanledger_analytics.methods.anomalies.rhythm import Rhythm
from spanledger_analytics.methods.anomalies.scan import DAY, LOOK, Channel, Rates

WEEK: Final = 7 * DAY
PAST: Final = 28 * DAY
NEW: Final = 14 * DAY
# 1970-01-01 was a Thursday.
_THURSDAY: Final = 3
_RATES_FROM: Final = 2 * DAY


class Usual:
    """The four weeks before `start`, plans and earlier events taken out."""

    def __init__(
        self, past: Past, slices: Slices, planned: Sequence[Planned], events: Sequence[Event], start: int
    ) -> None:
        self._past, self._slices, self._planned, self._events = past, slices, planned, events
        self._start = start
        self._origin = start - DAY

    def rates(self) -> Rates | None:
        """Tokens a call and prices a token; None within the first two days."""
        cells = self._past.cells
        if self._start - int(cells.step.min()) < _RATES_FROM:
            return None
        left_out = np.zeros((2, len(cells.step)), bool)
        for event in self._events:
            if event.channel is Channel.VOLUME:
                continue
            inside = cells.within(event.where)[cells.cell]
            stop = self._start if event.end is None else event.end
            when = cells.step < event.start if event.settled else (cells.step >= event.start) & (cells.step < stop)
            left_out[int(event.channel is Channel.PRICE)] |= inside & when
        return Rates(*scan.rates(cells, self._start - PAST, self._start, left_out))

    def daily_spend(self) -> float:
        """US dollars a day, of the last two weeks."""
        cells = self._past.cells
        recent = (cells.step >= self._start - NEW) & (cells.step < self._start)
        days = max(min(NEW, self._start - int(cells.step.min())) / DAY, 1.0)
        return float(cells.cost[recent].sum()) / days

    def work(self, until: int, part: float) -> tuple[Rhythm | None, Floats, Floats]:
        """What is expected of every slice of work in the day and the one before it, what each cell did, and the price.

        None for the first within two weeks. Nothing is known of hours from `until` on, the last of which counts `part`.
        """
        work = self._past.work
        begins = -(-int(work.step.min()) // DAY) * DAY
        known = max(self._origin - PAST, begins)
        if self._origin - known < NEW:
            return None, np.zeros((work.count, LOOK)), np.zeros(len(self._slices))
        counts = work.dense(work.done * (work.step < until), known, self._start + DAY - known)
        counts[work.first > self._start - NEW] = 0.0
        self._impute(counts, known)
        rhythm = scan.ahead(counts[:, : self._origin - known], self._slices, (self._origin // DAY + _THURSDAY) % 7)
        # An hour that is not over yet has its share of the calls only; what a call takes needs no such care.
        rhythm.expected[:, until - self._origin - 1] *= part
        recent = (work.step >= self._start - PAST) & (work.step < self._start)
        cost = self._slices.sums(tally(work.cell[recent], work.cost[recent], work.count))
        done = self._slices.sums(tally(work.cell[recent], work.done[recent], work.count))
        price = np.divide(cost, done, out=np.zeros(len(cost)), where=done > 0)
        return rhythm, counts[:, self._origin - known :], price

    def _impute(self, counts: Floats, known: int) -> None:
        """Put what was a week before in place of what is explained, so that it is neither usual nor seen again."""
        work = self._past.work
        end = known + counts.shape[1]
        for plan in self._planned:
            first, stop = max(plan.start, known), min(plan.end, end)
            inside = _overlapping(work, plan.where)
            if first < stop and plan.factor:
                counts[inside, first - known : stop - known] /= plan.factor
            elif first < stop:
                _as_before(counts, inside, first - known, stop - known)
        for event in self._events:
            if event.channel is not Channel.VOLUME:
                continue
            inside = work.within(event.where)
            if event.settled:
                counts[inside, : max(event.start - known, 0)] *= min(max(event.factor, 0.05), 20.0)
            elif (covered := event.covers(known, end)) is not None:
                _as_before(counts, inside, covered[0] - known, covered[1] - known)


def _overlapping(cells: Cells, where: Mapping[str, str]) -> NDArray[np.bool_]:
    """Cells of a slice; dimensions that are not kept apart are left aside."""
    return cells.within({name: value for name, value in where.items() if name in cells.dimensions})


def _as_before(counts: Floats, inside: NDArray[np.bool_], first: int, stop: int) -> None:
    for hour in range(first, stop):
        if hour >= WEEK:
            counts[inside, hour] = counts[inside, hour - WEEK]
        elif hour >= DAY:
            counts[inside, hour] = counts[inside, hour - DAY]
