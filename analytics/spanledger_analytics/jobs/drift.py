"""The drift job: once a UTC day is over, whether it differs from all since the baseline began, and from what is pinned.

Each day is compared by embeddings, and by all that is measured, of everything and of the eight features with most
sessions; and the mix of customers and features by itself. Each such stream (`drift_streams`) has a monitor of its own;
together they give a false alarm to at most one project of twenty in a quarter. After an alarm the baseline begins anew
where the change is likely to have begun. Pinned baselines stay as they are, and share another such chance among them;
what was found against one that was pinned anew is taken back. A finding is over once the days after it have not
alarmed. Days are looked at in order and once; a day that is looked at again, as after lost looks, gives the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from spanledger_analytics import drift_findings, drift_merging, drift_standing, drifting
from spanledger_analytics.drift_reading import Reader
from spanledger_analytics.drift_streams import DAY, HORIZON, LEVELS, LONGEST, SLICES, Model, Stream
from spanledger_analytics.drifting import EMBEDDING, MEASURED, MIX, Side, Tested
from spanledger_analytics.jobs.hours import midnight
from spanledger_store import embedding, findings
from spanledger_store.control import Control, baselines, projects
from spanledger_store.control.baselines import Baseline
from spanledger_store.engine import Engine
from spanledger_store.findings import Finding
from spanledger_store.quality import drift
from spanledger_store.quality.drift import Look
from spanledger_store.reports import drift_calls
from spanledger_store.scope import Dimension, Scope

__all__ = ["HORIZON", "LEVELS", "SLICES", "look", "run"]

_FRIDAY: Final = 5
# A day is looked at this long after its end, when its calls are stored and embedded.
GRACE: Final = timedelta(hours=1)
# How far back days are caught up with.
CAUGHT_UP: Final = timedelta(days=30)
LEAST_BASELINE: Final = timedelta(days=7)
# A pinned baseline is compared with so many of the days before it was pinned.
PINNED_BACK: Final = timedelta(days=7)
# A slice needs so many sessions in the baseline's last week to be watched by itself.
LEAST_SESSIONS: Final = 40
# What is measured differs a little from any day to any other. A look that shows less than this counts as none (p = 1).
LEAST_EFFECT: Final[Mapping[str, float]] = {EMBEDDING: 0.0, MEASURED: 0.1, MIX: 0.1}

Progress = Callable[[str, int, int], None]
_Known = dict[tuple[str, str], Look]


@dataclass(frozen=True, slots=True)
class _Work:
    """What every look at a project takes."""

    engine: Engine
    control: Control
    project: str
    model: Model | None
    now: datetime
    until: datetime
    reader: Reader
    known: _Known


def run(engine: Engine, control: Control, progress: Progress = lambda *_: None) -> int:
    """Look at every project's days that are over; how many looks were made."""
    now = datetime.now(UTC)
    return sum(look(engine, control, each.id, now, progress) for each in projects.listing(control))


def look(engine: Engine, control: Control, project: str, now: datetime, progress: Progress = lambda *_: None) -> int:
    """Look at the days of one project that are over by `now` and have not been looked at; how many looks that made."""
    until = midnight(now - GRACE)
    pins = baselines.listing(control, project)
    for pinned in pins:
        _forget(engine, pinned)
    known = drift.newest(engine, project)
    # The model that most calls of late have vectors by: others cannot be compared with them.
    models = embedding.models(engine, project, until - LONGEST)
    model = next(((each.model, each.dimensions) for each in models if each.dimensions is not None), None)
    wholes = {family: known.get((drift.slice_key({}), family)) for family in LEVELS}
    # No look at a day that is still to come reads calls of before.
    first = min([until, *(each.end for each in wholes.values() if each is not None)]) - LONGEST
    reader = Reader(engine, control, Scope(project, first, until), model)
    work = _Work(engine, control, project, model, now, until, reader, known)
    made = 0
    for family, whole in wholes.items():
        begins = _begins(work, family, until - LONGEST if whole is None else whole.baseline_start)
        if begins is None or (whole is not None and whole.end >= until):
            continue
        day = max(begins + LEAST_BASELINE, until - CAUGHT_UP) if whole is None else whole.end
        for number in range((until - day) // DAY):
            progress(f"looking at {project}: {family}", number, (until - day) // DAY)
            made += _look_at(work, _streams(work, family, day + number * DAY, begins), day + number * DAY)
    for pinned in pins:
        made += _against(work, pinned)
    _end(work, {each.name for each in pins})
    return made


def _forget(engine: Engine, pinned: Baseline) -> None:
    """Take back what was found against an earlier baseline of the same name."""
    if pinned.created_at is not None:
        drift.forget(engine, pinned.project, pinned.name, pinned.created_at)
    found = findings.listing(engine, pinned.project, kinds=(drift_findings.KIND,), states=drift_standing.SHOWN)
    findings.write(engine, drift_standing.taken_back(found, pinned))


def _end(work: _Work, pins: set[str]) -> None:
    standing = findings.listing(work.engine, work.project, kinds=(drift_findings.KIND,), states=("open",))
    findings.write(work.engine, drift_standing.over(standing, work.known, pins, work.until))


def _begins(work: _Work, family: str, since: datetime) -> datetime | None:
    if family != EMBEDDING:
        first = drift_calls.first_call(work.engine, work.project, since)
    else:
        model = work.model
        first = None if model is None else drift_calls.first_vector(work.engine, work.project, model[0], since)
    return None if first is None else midnight(first)


def _streams(work: _Work, family: str, day: datetime, begins: datetime) -> list[Stream]:
    wheres: list[Mapping[str, str]] = [{}]
    if SLICES[family]:
        recent = Scope(work.project, day - LEAST_BASELINE, day)
        features = drift_calls.slices(work.engine, recent, Dimension.FEATURE, LEAST_SESSIONS, SLICES[family])
        wheres += [{Dimension.FEATURE.value: name} for name in features]
    chosen = work.model if family == EMBEDDING else None
    made: list[Stream] = []
    for where in wheres:
        last = work.known.get((drift.slice_key(where), family))
        if last is not None and (last.end > day or last.model != (chosen[0] if chosen else "")):
            # Another model's vectors are no baseline for this one's.
            last = None
        made.append(Stream(work.project, family, where, chosen, last, begins))
    return made


def _against(work: _Work, pinned: Baseline) -> int:
    """Look at the days that have not been compared with a pinned baseline."""
    made = 0
    for family in (EMBEDDING, MEASURED):
        chosen = work.model if family == EMBEDDING else None
        if family == EMBEDDING and chosen is None:
            continue
        key = drift.slice_key(pinned.slice), drift.quantity(family, pinned.name)
        last = work.known.get(key)
        if last is not None and (last.baseline_start, last.baseline_end, last.model) != (
            pinned.start, pinned.end, chosen[0] if chosen else "",
        ):  # fmt: skip
            # It has been pinned anew.
            last = None
        born = pinned.created_at or work.now
        day = max(midnight(pinned.end - timedelta(microseconds=1)) + DAY, midnight(born) - PINNED_BACK)
        day = day if last is None else max(day, last.end)
        while day < work.until:
            stream = Stream(pinned.project, family, pinned.slice, chosen, last, pinned.start, pinned)
            made += _look_at(work, [stream], day)
            last = work.known[key]
            day += DAY
    return made


def _look_at(work: _Work, streams: Sequence[Stream], day: datetime) -> int:
    looks: list[Look] = []
    alarms: list[_Alarm] = []
    for stream in streams:
        made, alarm = _compared(work, stream, day)
        looks.append(made)
        work.known[made.key] = made
        if alarm is not None:
            alarms.append(alarm)
    drift.write(work.engine, work.project, looks)
    # Of slices within each other the narrowest comes first: what it explains is not told again.
    for alarm in sorted(alarms, key=lambda each: -len(each.look.slice)):
        _tell(work, alarm)
    return len(looks)


@dataclass(frozen=True, slots=True)
class _Alarm:
    """A look that is to be told, and what it was of."""

    stream: Stream
    look: Look
    since: Scope
    tested: Tested
    sides: tuple[Side, Side]
    seed: int


def _compared(work: _Work, stream: Stream, day: datetime) -> tuple[Look, _Alarm | None]:
    current, reference = stream.scope(day, day + DAY), stream.reference(day)
    monitor, seed = stream.monitor, stream.seed(day)
    sides = _read(work, stream, (reference, current), seed, whole=stream.family == MEASURED)
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
    since = stream.scope(current.end - max(monitor.since, 1) * DAY, current.end)
    return made, _Alarm(stream, made, since, found, sides, seed)


def _tell(work: _Work, alarm: _Alarm) -> None:
    """Write down an alarm: as a finding, as part of the one that it goes on with, or not at all where the findings of
    narrower slices explain it. What a wider slice was told and this finding explains, this one tells from now on."""
    stream, look, sides = alarm.stream, alarm.look, alarm.sides
    near = alarm.since.start - drift_merging.MERGED, look.end
    standing = drift_merging.standing(
        findings.listing(work.engine, work.project, start=near[0], end=near[1], kinds=(drift_findings.KIND,))
    )
    inner = drift_merging.narrower(standing, look.slice, look.quantity, alarm.since.start)
    if drift_merging.explained(sides, inner, lambda left: _tested(stream, left, alarm.seed, None)):
        return
    if stream.family != MEASURED:
        # What is told beside is read once something is told.
        sides = _read(work, stream, (sides[0].scope, sides[1].scope), alarm.seed, whole=True)
    told = drift_findings.finding(
        work.engine,
        work.control,
        alarm.since,
        look,
        alarm.tested,
        sides,
        work.now,
        pinned=stream.pinned.id if stream.pinned else "",
    )
    before = drift_merging.goes_on(standing, look, alarm.since.start)
    if before is not None:
        told = drift_merging.merged(before, look, told)
    outer = drift_merging.wider(standing, look, alarm.since.start)
    outer = [each for each in outer if _explains(work, alarm, [*standing, told], each)]
    findings.write(work.engine, drift_merging.taken_over(told, outer))


def _explains(work: _Work, alarm: _Alarm, standing: Sequence[Finding], outer: Finding) -> bool:
    """Whether nothing is left of what a wider finding alarmed by in the calls that narrower ones are not of."""
    stream, day = alarm.stream.wider(outer)
    seed, quantity = stream.seed(day), drift_merging.of_quantity(outer)
    scopes = stream.reference(day), stream.scope(day, day + DAY)
    sides = _read(work, stream, scopes, seed, whole=stream.family == MEASURED)
    inner = drift_merging.narrower(standing, outer.slice, quantity, outer.start)
    return drift_merging.explained(sides, inner, lambda left: _tested(stream, left, seed, None))


def _read(work: _Work, stream: Stream, scopes: tuple[Scope, Scope], seed: int, *, whole: bool) -> tuple[Side, Side]:
    # A sample of sessions drawn anew for every look: one that stays would make looks depend on each other.
    reference, current = (work.reader.read(each, stream.model, salt=str(seed), whole=whole) for each in scopes)
    return reference, current


def _tested(stream: Stream, sides: tuple[Side, Side], seed: int, resolution: float | None) -> Tested:
    if stream.family == EMBEDDING:
        return drifting.asked(*sides, seed=seed, resolution=resolution)
    if stream.family == MEASURED:
        # What a baseline is of differs by its own definition.
        without = () if stream.pinned is None else tuple(stream.pinned.versions)
        return drifting.measured(*sides, seed=seed, resolution=resolution, without=without)
    return drifting.mix(*sides, seed=seed, resolution=resolution)
