"""What is looked at every day: families of tests, of slices, each with its share of the false alarms, and its state."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from spanledger_analytics.drifting import EMBEDDING, MEASURED, MIX
from spanledger_analytics.methods.drift.monitoring import FixedMonitor, Monitor
from spanledger_store.control import baselines
from spanledger_store.control.baselines import Baseline
from spanledger_store.findings import Finding
from spanledger_store.quality import drift
from spanledger_store.quality.drift import Look
from spanledger_store.scope import Dimension, Scope

DAY: Final = timedelta(days=1)
# How old a baseline may become.
LONGEST: Final = timedelta(days=60)
# Slices that are watched, those with most sessions. What is new in one of eight features is little among all calls, and
# so is what one of them takes longer for.
SLICES: Final[Mapping[str, int]] = {EMBEDDING: 8, MEASURED: 8, MIX: 0}
# Of projects without drift this share hears a false alarm in a quarter: by the whole, by each of its slices. Together
# .05; the pinned baselines of a project share .05 of their own, by both families of each.
LEVELS: Final[Mapping[str, tuple[float, float]]] = {
    EMBEDDING: (0.01, 0.015 / SLICES[EMBEDDING]), MEASURED: (0.005, 0.015 / SLICES[MEASURED]), MIX: (0.005, 0.0),
}  # fmt: skip
LEVEL_OF_PINNED: Final = 0.05 / baselines.MOST / 2
HORIZON: Final = 90

Model = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Stream:
    """What is looked at every day: a family of tests, of a slice, against what; and what is known of it so far."""

    project: str
    family: str
    where: Mapping[str, str]
    model: Model | None
    last: Look | None
    begins: datetime
    pinned: Baseline | None = None

    def scope(self, start: datetime, end: datetime, more: Mapping[str, str] | None = None) -> Scope:
        """The slice's calls of a stretch; with `more`, of those the ones that have that too."""
        filters = {Dimension(name): (value,) for name, value in {**self.where, **(more or {})}.items()}
        return Scope(self.project, start, end, filters)

    def reference(self, day: datetime) -> Scope:
        """What the day is compared with."""
        if self.pinned is not None:
            return self.scope(self.pinned.start, self.pinned.end, self.pinned.versions)
        last = self.last
        if last is None:
            start = self.begins
        elif last.alarmed:
            # What came in is what is usual from now on.
            start = last.end - max(last.since, 1) * DAY
        else:
            start = last.baseline_start
        return self.scope(max(start, day - LONGEST), day)

    @property
    def monitor(self) -> Monitor | FixedMonitor:
        """Its state before the next look."""
        level = LEVEL_OF_PINNED if self.pinned is not None else LEVELS[self.family][bool(self.where)]
        kind = Monitor if self.pinned is None else FixedMonitor
        before = kind(level=level, horizon=HORIZON)
        if self.last is None:
            return before
        return replace(before, evidence=self.last.evidence, looks=self.last.looks, since=self.last.since)

    def seed(self, day: datetime) -> int:
        """The same for the same look, another one for every other."""
        told = f"{self.project} {drift.slice_key(self.where)} {day:%Y-%m-%d}"
        told += "" if self.pinned is None else f" {self.pinned.id}"
        return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=4).digest())

    def wider(self, finding: Finding) -> tuple[Stream, datetime]:
        """The stream of a wider slice that a finding is of (against all before), and the day that it alarmed on."""
        told = finding.evidence["baseline"]
        begins, day = (datetime.fromisoformat(told[name]) for name in ("from", "to"))
        return replace(self, where=finding.slice, last=None, begins=begins), day
