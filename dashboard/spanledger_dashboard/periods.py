"""Frames of buckets laid out on the clock: every bucket of a stretch, known or empty."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from spanledger_dashboard.figures.base import PALETTE
from spanledger_dashboard.figures.spend import Band
from spanledger_dashboard.fmt import named
from spanledger_dashboard.view import View
from spanledger_store.reports.buckets import Bucketing, automatic
from spanledger_store.reports.calls import Totals, totals_of
from spanledger_store.scope import Scope

MAX_BANDS = len(PALETTE)


@dataclass(frozen=True, slots=True)
class Clock:
    """The buckets of one scope, in order."""

    buckets: Bucketing
    starts: Sequence[datetime]

    @classmethod
    def of(cls, scope: Scope, buckets: Bucketing) -> Clock:
        """The buckets that touch the scope."""
        return cls(buckets, buckets.starts(scope.start, scope.end))

    @property
    def local(self) -> list[datetime]:
        """Their starts as wall-clock times of the zone."""
        return [start.astimezone(self.buckets.zone).replace(tzinfo=None) for start in self.starts]

    def totals(self, frame: pl.DataFrame) -> list[Totals | None]:
        """One entry per bucket; None where it has no calls."""
        rows = {row["bucket"]: totals_of(row) for row in frame.iter_rows(named=True)}
        return [rows.get(start) for start in self.starts]

    def counts(self, frame: pl.DataFrame, column: str) -> list[int]:
        """A column of counts, zero where a bucket is absent."""
        rows = dict(zip(frame["bucket"], frame[column], strict=True))
        return [int(rows.get(start, 0)) for start in self.starts]

    def bands(self, frame: pl.DataFrame, order: Sequence[str]) -> list[Band]:
        """Spend per label over time: the first of `order` each as a band, the rest as one."""
        leading = list(order[:MAX_BANDS])
        cells: dict[str, dict[Any, float]] = {}
        for bucket, label, cost in frame.select("bucket", "label", "cost").iter_rows():
            key = label if label in leading else None
            at = cells.setdefault(named(label) if key is not None else "Others", {})
            at[bucket] = at.get(bucket, 0.0) + float(cost)
        names = [named(label) for label in leading if named(label) in cells] + (["Others"] if "Others" in cells else [])
        return [Band(name, [cells[name].get(start, 0.0) for start in self.starts]) for name in names]


def clock(view: View, buckets: Bucketing | None = None) -> Clock:
    """The view's own buckets."""
    scope = view.scope
    return Clock.of(scope, buckets or automatic(scope.start, scope.end, view.zone))


def course(totals: Sequence[Totals | None], read: Callable[[Totals], Any]) -> list[float | None]:
    """One number per bucket, for a sparkline."""
    found = [read(item) if item is not None else None for item in totals]
    return [None if value is None else float(value) for value in found]


def sums(totals: Sequence[Totals | None]) -> list[float]:
    """Spend per bucket; zero where nothing was spent."""
    return [float(item.priced_cost) if item is not None else 0.0 for item in totals]


def by_label(frame: pl.DataFrame) -> Mapping[str, Totals]:
    """The rows of a `groups` report by their label."""
    return {row["label"]: totals_of(row) for row in frame.iter_rows(named=True)}
