"""The drift job: once a UTC day is over, whether it differs from all since the baseline began, and from what is pinned.

Each day is compared by embeddings, of everything and of the eight features with most sessions; by all that is measured,
of everything and of three features; and the mix of customers and features by itself. Each such stream has a monitor of
its own; together they give a false alarm to at most one project of twenty in a quarter. After an alarm the baseline
begins anew where the change is likely to have begun. Pinned baselines stay as they are, and share another such chance
among them. Days are looked at in order and once; a day that is looked at again, as after lost looks, gives the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from spanledger_analytics import drift_findings, drift_merging, drifting
from spanledger_analytics.drifting import EMBEDDING, MEASURED, MIX, Side, Tested
from spanledger_analytics.jobs.hours import midnight
from spanledger_analytics.methods.drift.monitoring import FixedMonitor, Monitor
from spanledger_store import embedding, findings
from spanledger_store.control import Control, baselines, projects
from spanledger_store.control.baselines import Baseline
from spanledger_store.engine import Engine
from spanledger_store.quality import drift
from spanledger_store.quality.drift import Look
from spanledger_store.reports import drift_calls
from spanledger_store.scope import Dimension, Scope

_DAY: Final = timedelta(days=1)
_FRIDAY: Final = 5
# A day is looked at this long after its end, when its calls are stored and embedded.
GRACE: Final = timedelta(hours=1)
# How far back days are caught up with, and how old a baseline may become.
CAUGHT_UP: Final = timedelta(days=30)
LONGEST: Final = timedelta(days=60)
LEAST_BASELINE: Final = timedelta(days=7)
# A pinned baseline is compared with so many of the days before it was pinned.
PINNED_BACK: Final = timedelta(days=7)
# A slice needs so many sessions in the baseline's last week to be watched by itself.
LEAST_SESSIONS: Final = 40
# Slices that are watched, those with most sessions. What is new in one of eight features is little among all calls.
SLICES: Final[Mapping[str, int]] = {EMBEDDING: 8, MEASURED: 3, MIX: 0}
# Of projects without drift this share hears a false alarm in a quarter: by the whole, by each of its slices. Together
# .05; the pinned baselines of a project share .05 of their own, by both families of each.
LEVELS: Final[Mapping[str, tuple[float, float]]] = {
    EMBEDDING: (0.01, 0.015 / SLICES[EMBEDDING]), MEASURED: (0.005, 0.015 / SLICES[MEASURED]), MIX: (0.005, 0.0),
}  # fmt: skip
LEVEL_OF_PINNED: Final = 0.05 / baselines.MOST / 2
HORIZON: Final = 90
# What is measured differs a little from any day to any other. A look that shows less than this counts as none (p = 1).
LEAST_EFFECT: Final[Mapping[str, float]] = {EMBEDDING: 0.0, MEASURED: 0.1, MIX: 0.1}

Progress = Callable[[str, int, int], None]
Model = tuple[str, int]
_Known = dict[tuple[str, str], Look]


@dataclass(frozen=True, slots=True)
class _Stream:
    """What is looked at every day: a family of tests, of a slice, against what; and what is known of it so far."""

    project: str
    family: str
    where: Mapping[str, str]
    model: Model | None
    last: Look | None
    begins: datetime
    pinned: Baseline | None = None

    def scope(self, start: datetime, end: datetime, more: Mapping[str, str] | None = None) -> Scope:
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
            start = last.end - max(last.since, 1) * _DAY
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


def run(engine: Engine, control: Control, progress: Progress = lambda *_: None) -> int:
    """Look at every project's days that are over; how many looks were made."""
    now = datetime.now(UTC)
    return sum(look(engine, control, each.id, now, progress) for each in projects.listing(control))


def look(engine: Engine, control: Control, project: str, now: datetime, progress: Progress = lambda *_: None) -> int:
    """Look at the days of one project that are over by `now` and have not been looked at; how many looks that made."""
    until = midnight(now - GRACE)
    known = drift.newest(engine, project)
    # The model that most calls of late have vectors by: others cannot be compared with them.
    models = embedding.models(engine, project, until - LONGEST)
    model = next(((each.model, each.dimensions) for each in models if each.dimensions is not None), None)
    made = 0
    for family in LEVELS:
        whole = known.get((drift.slice_key({}), family))
        begins = _begins(engine, project, family, model, until - LONGEST if whole is None else whole.baseline_start)
        if begins is None or (whole is not None and whole.end >= until):
            continue
        day = max(begins + LEAST_BASELINE, until - CAUGHT_UP) if whole is None else whole.end
        for number in range((until - day) // _DAY):
            progress(f"looking at {project}: {family}", number, (until - day) // _DAY)
            streams = _streams(engine, project, family, day + number * _DAY, begins, model, known)
            made += _look_at(engine, control, streams, day + number * _DAY, known, now)
    for pinned in baselines.listing(control, project):
        made += _against(engine, control, pinned, model, until, known, now)
    return made


def _begins(engine: Engine, project: str, family: str, model: Model | None, since: datetime) -> datetime | None:
    if family != EMBEDDING:
        first = drift_calls.first_call(engine, project, since)
    else:
        first = None if model is None else drift_calls.first_vector(engine, project, model[0], since)
    return None if first is None else midnight(first)


def _streams(
    engine: Engine, project: str, family: str, day: datetime, begins: datetime, model: Model | None, known: _Known
) -> list[_Stream]:
    wheres: list[Mapping[str, str]] = [{}]
    if SLICES[family]:
        recent = Scope(project, day - LEAST_BASELINE, day)
        features = drift_calls.slices(engine, recent, Dimension.FEATURE, LEAST_SESSIONS, SLICES[family])
        wheres += [{Dimension.FEATURE.value: name} for name in features]
    chosen = model if family == EMBEDDING else None
    made: list[_Stream] = []
    for where in wheres:
        last = known.get((drift.slice_key(where), family))
        if last is not None and (last.end > day or last.model != (chosen[0] if chosen else "")):
            # Another model's vectors are no baseline for this one's.
            last = None
        made.append(_Stream(project, family, where, chosen, last, begins))
    return made


def _against(
    engine: Engine,
    control: Control,
    pinned: Baseline,
    model: Model | None,
    until: datetime,
    known: _Known,
    now: datetime,
) -> int:
    """Look at the days that have not been compared with a pinned baseline."""
    made = 0
    for family in (EMBEDDING, MEASURED):
        chosen = model if family == EMBEDDING else None
        if family == EMBEDDING and chosen is None:
            continue
        last = known.get((drift.slice_key(pinned.slice), drift.quantity(family, pinned.name)))
        if last is not None and (last.baseline_start, last.baseline_end, last.model) != (
            pinned.start, pinned.end, chosen[0] if chosen else "",
        ):  # fmt: skip
            # It has been pinned anew.
            last = None
        born = pinned.created_at or now
        day = max(midnight(pinned.end - timedelta(microseconds=1)) + _DAY, midnight(born) - PINNED_BACK)
        day = day if last is None else max(day, last.end)
        while day < until:
            stream = _Stream(pinned.project, family, pinned.slice, chosen, last, pinned.start, pinned)
            made += _look_at(engine, control, [stream], day, known, now)
            last = known[drift.slice_key(pinned.slice), drift.quantity(family, pinned.name)]
            day += _DAY
    return made


def _look_at(
    engine: Engine, control: Control, streams: Sequence[_Stream], day: datetime, known: _Known, now: datetime
) -> int:
    looks: list[Look] = []
    alarms: list[_Alarm] = []
    for stream in streams:
        made, alarm = _compared(engine, control, stream, day)
        looks.append(made)
        known[made.key] = made
        if alarm is not None:
            alarms.append(alarm)
    drift.write(engine, streams[0].project, looks)
    # Of slices within each other the narrowest comes first: what it explains is not told again.
    for alarm in sorted(alarms, key=lambda each: -len(each.look.slice)):
        _tell(engine, control, alarm, now)
    return len(looks)


@dataclass(frozen=True, slots=True)
class _Alarm:
    """A look that is to be told, and what it was of."""

    stream: _Stream
    look: Look
    since: Scope
    tested: Tested
    sides: tuple[Side, Side]
    seed: int


def _compared(engine: Engine, control: Control, stream: _Stream, day: datetime) -> tuple[Look, _Alarm | None]:
    current, reference = stream.scope(day, day + _DAY), stream.reference(day)
    monitor, seed = stream.monitor, stream.seed(day)
    sides = _read(engine, control, stream, (reference, current), seed, whole=stream.family == MEASURED)
    if stream.family == MIX:
        # Who works on weekends is another mix, every week.
        weekend = day.isoweekday() > _FRIDAY
        sides = drifting.same_days(sides[0], weekend=weekend), drifting.same_days(sides[1], weekend=weekend)
    found = _tested(stream, sides, seed, monitor.resolution)
    if found.p is not None:
        monitor = monitor.look(found.p if (found.effect or 0.0) >= LEAST_EFFECT[stream.family] else 1.0)
    made = Look(
        slice=stream.where,
        quantity=drift.quantity(stream.family, stream.pinned.name if stream.pinned else ""),
        start=current.start,
        end=current.end,
        baseline_start=reference.start,
        baseline_end=reference.end,
        model=stream.model[0] if stream.model else "",
        calls=found.calls[1],
        baseline_calls=found.calls[0],
        sessions=found.sessions[1],
        baseline_sessions=found.sessions[0],
        p_value=found.p,
        effect=found.effect,
        leading=found.leading,
        evidence=monitor.evidence,
        threshold=monitor.threshold,
        looks=monitor.looks,
        since=monitor.since,
        alarmed=monitor.alarmed,
        note=found.note,
    )
    if found.p is None or not monitor.alarmed:
        return made, None
    since = stream.scope(current.end - max(monitor.since, 1) * _DAY, current.end)
    return made, _Alarm(stream, made, since, found, sides, seed)


def _tell(engine: Engine, control: Control, alarm: _Alarm, now: datetime) -> None:
    """Write down an alarm: as a finding, as part of the one that it goes on with, or not at all where the findings of
    narrower slices explain it."""
    stream, look, sides = alarm.stream, alarm.look, alarm.sides
    near = alarm.since.start - drift_merging.MERGED, look.end
    standing = findings.listing(engine, stream.project, start=near[0], end=near[1], kinds=(drift_findings.KIND,))
    inner = drift_merging.narrower(standing, look, alarm.since.start)
    if drift_merging.explained(sides, inner, lambda left: _tested(stream, left, alarm.seed, None)):
        return
    if stream.family != MEASURED:
        # What is told beside is read once something is told.
        sides = _read(engine, control, stream, (sides[0].scope, sides[1].scope), alarm.seed, whole=True)
    told = drift_findings.finding(engine, control, alarm.since, look, alarm.tested, sides, now)
    before = drift_merging.goes_on(standing, look, alarm.since.start)
    findings.write(engine, [told if before is None else drift_merging.merged(before, look, told)])


def _read(
    engine: Engine, control: Control, stream: _Stream, scopes: tuple[Scope, Scope], seed: int, *, whole: bool
) -> tuple[Side, Side]:
    # A sample of sessions drawn anew for every look: one that stays would make looks depend on each other.
    reference, current = (
        drifting.read(engine, control, each, stream.model, salt=str(seed), whole=whole) for each in scopes
    )
    return reference, current


def _tested(stream: _Stream, sides: tuple[Side, Side], seed: int, resolution: float | None) -> Tested:
    if stream.family == EMBEDDING:
        return drifting.asked(*sides, seed=seed, resolution=resolution)
    if stream.family == MEASURED:
        # What a baseline is of differs by its own definition.
        without = () if stream.pinned is None else tuple(stream.pinned.versions)
        return drifting.measured(*sides, seed=seed, resolution=resolution, without=without)
    return drifting.mix(*sides, seed=seed, resolution=resolution)
