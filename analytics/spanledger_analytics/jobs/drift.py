"""The drift job: once a UTC day is over, whether what was asked that day differs from all since the baseline began.

Each stream (everything, and the three features with most sessions) has a monitor of its own; together they give a false
alarm to at most one project of twenty in a quarter. After an alarm the baseline begins anew where the change is likely
to have begun. Days are looked at in order and once; a day that is looked at again, as after lost looks, gives the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from spanledger_analytics import drifting
from spanledger_analytics.methods.drift.monitoring import Monitor
from spanledger_store import drift, embedding, findings
from spanledger_store.control import Control, projects
from spanledger_store.drift import Look
from spanledger_store.engine import Engine
from spanledger_store.reports import drift_calls
from spanledger_store.reports.scope import Dimension, Scope

EMBEDDING: Final = "embedding"
_DAY: Final = timedelta(days=1)
# A day is looked at this long after its end, when its calls are stored and embedded.
GRACE: Final = timedelta(hours=1)
# How far back days are caught up with, and how old a baseline may become.
CAUGHT_UP: Final = timedelta(days=30)
LONGEST: Final = timedelta(days=60)
LEAST_BASELINE: Final = timedelta(days=7)
# A slice needs so many sessions in the baseline's last week to be watched by itself.
LEAST_SESSIONS: Final = 40
MOST_SLICES: Final = 3
# Of projects without drift this share hears a false alarm in a quarter: by the whole, by each of its slices.
LEVEL_OF_ALL: Final = 0.02
LEVEL_OF_SLICE: Final = 0.01
HORIZON: Final = 90

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class _Stream:
    """A slice of a project, and what is known of it so far."""

    project: str
    where: Mapping[str, str]
    model: str
    dimensions: int
    last: Look | None
    begins: datetime
    level: float

    def scope(self, start: datetime, end: datetime) -> Scope:
        return Scope(self.project, start, end, {Dimension(name): (value,) for name, value in self.where.items()})

    @property
    def monitor(self) -> Monitor:
        before = Monitor(level=self.level, horizon=HORIZON)
        if self.last is None:
            return before
        return replace(before, evidence=self.last.evidence, looks=self.last.looks, since=self.last.since)


def run(engine: Engine, control: Control, progress: Progress = lambda *_: None) -> int:
    """Look at every project's days that are over; how many looks were made."""
    now = datetime.now(UTC)
    return sum(look(engine, control, each.id, now, progress) for each in projects.listing(control))


def look(engine: Engine, control: Control, project: str, now: datetime, progress: Progress = lambda *_: None) -> int:
    """Look at the days of one project that are over by `now` and have not been looked at; how many looks that made."""
    until = (now - GRACE).replace(hour=0, minute=0, second=0, microsecond=0)
    known = {key: each for key, each in drift.newest(engine, project).items() if each.quantity == EMBEDDING}
    whole = known.get((drift.slice_key({}), EMBEDDING))
    if whole is not None and whole.end >= until:
        return 0
    # The model that most calls of late have vectors by: others cannot be compared with them.
    models = embedding.models(engine, project, until - LONGEST)
    model = next((each for each in models if each.dimensions is not None), None)
    if model is None or model.dimensions is None:
        return 0
    oldest = until - LONGEST if whole is None else whole.baseline_start
    first = drift_calls.first_vector(engine, project, model.model, oldest)
    if first is None:
        return 0
    begins = _midnight(first)
    day = max(begins + LEAST_BASELINE, until - CAUGHT_UP) if whole is None else whole.end
    days = (until - day) // _DAY
    made = 0
    for number in range(days):
        progress(f"looking at {project}", number, days)
        made += _look_at(
            engine, control, project, day + number * _DAY, begins, (model.model, model.dimensions), known, now
        )
    return made


def _look_at(
    engine: Engine,
    control: Control,
    project: str,
    day: datetime,
    begins: datetime,
    model: tuple[str, int],
    known: dict[tuple[str, str], Look],
    now: datetime,
) -> int:
    recent = Scope(project, day - LEAST_BASELINE, day)
    features = drift_calls.slices(engine, recent, Dimension.FEATURE, LEAST_SESSIONS, MOST_SLICES)
    wheres: Sequence[Mapping[str, str]] = [{}, *({Dimension.FEATURE.value: name} for name in features)]
    looks: list[Look] = []
    told: list[findings.Finding] = []
    for where in wheres:
        last = known.get((drift.slice_key(where), EMBEDDING))
        if last is not None and (last.end > day or last.model != model[0]):
            # Another model's vectors are no baseline for this one's.
            last = None
        stream = _Stream(project, where, *model, last, begins, LEVEL_OF_SLICE if where else LEVEL_OF_ALL)
        made, finding = _compared(engine, control, stream, day, now)
        looks.append(made)
        known[made.key] = made
        if finding is not None:
            told.append(finding)
    drift.write(engine, project, looks)
    findings.write(engine, told)
    return len(looks)


def _compared(
    engine: Engine, control: Control, stream: _Stream, day: datetime, now: datetime
) -> tuple[Look, findings.Finding | None]:
    current, reference = stream.scope(day, day + _DAY), stream.scope(_baseline(stream, day), day)
    monitor = stream.monitor
    found = drifting.compare(
        engine, current, reference, (stream.model, stream.dimensions),
        seed=_seed(stream, day), resolution=monitor.resolution,
    )  # fmt: skip
    if found.p is not None:
        monitor = monitor.look(found.p)
    made = Look(
        slice=stream.where,
        quantity=EMBEDDING,
        start=current.start,
        end=current.end,
        baseline_start=reference.start,
        baseline_end=reference.end,
        model=stream.model,
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
    since = current.end - max(monitor.since, 1) * _DAY
    return made, drifting.finding(engine, control, stream.scope(since, current.end), made, found, now)


def _baseline(stream: _Stream, day: datetime) -> datetime:
    last = stream.last
    if last is None:
        start = stream.begins
    elif last.alarmed:
        # What came in is what is usual from now on.
        start = last.end - max(last.since, 1) * _DAY
    else:
        start = last.baseline_start
    return max(start, day - LONGEST)


def _seed(stream: _Stream, day: datetime) -> int:
    told = f"{stream.project} {drift.slice_key(stream.where)} {day:%Y-%m-%d}"
    return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=4).digest())


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
