"""The anomaly job: every quarter of an hour, what has become unusual in the last three weeks of each project's spend.

The three weeks are gone through anew each time, so that late data, new prices and what people say are heard, and the
same data gives the same findings: a second run writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from spanledger_analytics import evidence
from spanledger_analytics.jobs import slow_changes
from spanledger_analytics.jobs.hours import midnight
from spanledger_analytics.methods.anomalies import telling
from spanledger_analytics.methods.anomalies.cells import Cells
from spanledger_analytics.methods.anomalies.detection import detect
from spanledger_analytics.methods.anomalies.events import Event, Heard, Past, Planned, Settings
from spanledger_analytics.methods.anomalies.scan import DAY, Channel
from spanledger_store import findings
from spanledger_store.control import Control, projects
from spanledger_store.control import findings as words
from spanledger_store.control.findings import Verdict
from spanledger_store.engine import Engine
from spanledger_store.findings import Finding
from spanledger_store.reports.books import books
from spanledger_store.reports.buckets import Bucketing
from spanledger_store.scope import Dimension, Scope

KIND: Final = "anomaly"
METHOD: Final = "scan"
WALKED: Final = timedelta(days=21)
PAST: Final = timedelta(days=30)
_HOUR: Final = timedelta(hours=1)
_SAME: Final = 12
_MERGED: Final = 6
# How long people's words hold.
_HEARD_HOURS: Final = 90 * DAY
_BY: Final = (Dimension.CUSTOMER, Dimension.FEATURE, Dimension.PROVIDER, Dimension.MODEL)

Progress = Callable[[str, int, int], None]


def run(engine: Engine, control: Control, progress: Progress = lambda *_: None) -> int:
    """Look at every project; how many findings are new or have changed."""
    listed = projects.listing(control)
    changed = 0
    for each in listed:
        changed += look(engine, control, each.id, datetime.now(UTC), progress)
    return changed


def look(
    engine: Engine,
    control: Control,
    project: str,
    now: datetime,
    progress: Progress = lambda *_: None,
    settings: Settings | None = None,
) -> int:
    """Look at one project as of `now`, whose hour counts as far as it has gone; how many findings changed."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    end = hour if hour == now else hour + _HOUR
    part = 1.0 if hour == now else (now - hour) / _HOUR
    begin = midnight(end - WALKED)
    progress(f"reading {project}", 0, 0)
    past = _past(engine, project, midnight(begin - PAST), end)
    if past is None:
        return 0
    heard, stored = _heard(engine, control, project), findings.listing(engine, project, kinds=(KIND,))
    known = [_known(each) for each in stored if each.method == METHOD and each.start < begin < each.end + PAST]
    events = detect(
        past,
        _hours(begin),
        _hours(end),
        settings or Settings(),
        [_planned(each) for each in words.plans(control, project)],
        heard,
        known,
        lambda done, total: progress(f"looking at {project}", done, total),
        part,
    )
    spent = _spent_a_day(past, end)
    told = [_finding(engine, project, each, stored, now, end, spent) for each in _merged(events)]
    ids = {each.id for each in told}
    gone = [
        _withdrawn(each, now)
        for each in stored
        if each.method == METHOD and each.start >= begin and each.id not in ids and each.state != "withdrawn"
    ]
    slow = slow_changes.look(engine, project, now, stored, told, words.said(control, project), spent)
    return findings.write(engine, [*told, *gone, *slow])


def _past(engine: Engine, project: str, start: datetime, end: datetime) -> Past | None:
    hours = Bucketing(ZoneInfo("UTC"), step=3600)
    lines = books(engine, Scope(project, start, end), _BY, hours).rename({"bucket": "at"})
    if lines.is_empty():
        return None
    return Past(Cells.of(lines), Cells.of(lines, dimensions=("customer", "feature")))


def _spent_a_day(past: Past, end: datetime) -> float:
    recent = past.cells.step >= _hours(end) - 14 * DAY
    days = np.clip((_hours(end) - int(past.cells.step.min())) / DAY, 1, 14)
    return float(past.cells.cost[recent].sum()) / float(days)


def _planned(event: words.PlannedEvent) -> Planned:
    stop = -(-int(event.end.timestamp()) // 3600)
    return Planned(dict(event.slice), _hours(event.start), stop, None if event.factor is None else float(event.factor))


def _heard(engine: Engine, control: Control, project: str) -> list[Heard]:
    said = {name: each for name, each in words.said(control, project).items() if each.verdict is not Verdict.CONFIRMED}
    if not said:
        return []
    return [
        Heard(
            dict(each.slice),
            Channel(each.evidence["channel"]),
            int(each.evidence["sign"]),
            _hours(each.start) - _SAME,
            # What was planned has its time; the rest holds until people see it as old news.
            _hours(each.end) + _SAME if said[each.id].verdict is Verdict.PLANNED else _hours(each.start) + _HEARD_HOURS,
            float(each.evidence["factor"]),
        )
        for each in findings.listing(engine, project, ids=tuple(said), kinds=(KIND,))
        if each.method == METHOD and each.evidence.get("factor")
    ]


def _known(finding: Finding) -> Event:
    told = finding.evidence
    return Event(
        Channel(told["channel"]), dict(finding.slice), int(told["sign"]), _hours(finding.start),
        _hours(finding.first_detected_at), finding.score, finding.p_value or 0.0, _hours(finding.end),
        settled=finding.state == "settled",
    )  # fmt: skip


def _merged(events: Sequence[Event]) -> list[list[Event]]:
    """Events of one slice that began together are one finding: more tokens and a dearer model, say."""
    groups: list[list[Event]] = []
    for event in events:
        for group in groups:
            first = group[0]
            if first.where == event.where and first.sign == event.sign and abs(first.start - event.start) <= _MERGED:
                group.append(event)
                break
        else:
            groups.append([event])
    return [sorted(group, key=lambda each: -abs(each.impact)) for group in groups]


def _finding(
    engine: Engine,
    project: str,
    events: list[Event],
    stored: Sequence[Finding],
    now: datetime,
    end: datetime,
    spent: float,
) -> Finding:
    first = events[0]
    start = _moment(min(each.start for each in events))
    stop = min(now, end) if first.end is None else _moment(first.end)
    seen = min(now, _moment(min(each.seen for each in events)))
    before = _same(first, stored)
    impact = sum(each.impact for each in events)
    # Of several changes, each is measured beside the others: what was paid is the same, what was expected is not.
    expected = max(first.actual - impact, 0.0)
    width = 1.96 * float(np.sqrt(sum(each.variance for each in events)))
    made = Finding(
        project_id=project,
        id=before.id if before else findings.identity(project, KIND, first.first_where, start, first.channel.value),
        kind=KIND,
        method=METHOD,
        slice=dict(first.where),
        start=start,
        end=stop,
        grain="hour",
        first_detected_at=before.first_detected_at if before else seen,
        detected_at=now,
        severity=telling.severity(impact, spent, first.sign),
        actual=_rounded(first.actual),
        expected=_rounded(expected),
        lower=_rounded(max(expected - width, 0.0)),
        upper=_rounded(expected + width),
        unit="USD",
        impact_usd=Decimal(repr(_rounded(impact))).quantize(Decimal("1e-6")),
        score=_rounded(first.score),
        p_value=first.p_value,
        confidence=min(1.0 - first.p_value, 0.9999),
        state=_state(first),
    )
    if before is not None and _unchanged(before, made):
        return before
    told = evidence.gather(engine, project, events, end)
    return replace(made, evidence=told)


def _state(event: Event) -> findings.State:
    if event.silent:
        return "known"
    if event.settled:
        return "settled"
    return "open" if event.end is None else "ended"


def _same(event: Event, stored: Sequence[Finding]) -> Finding | None:
    """The stored finding that this event is: late data may have moved its start or widened its slice."""
    near = [
        each
        for each in stored
        if each.method == METHOD
        and each.evidence.get("channel") == event.channel.value
        and each.evidence.get("sign") == event.sign
        and abs(_hours(each.start) - event.start) <= _SAME
        and (_within(each.slice, event.where) or _within(event.where, each.slice))
    ]
    return min(near, key=lambda each: (abs(_hours(each.start) - event.start), each.id), default=None)


def _within(inner: object, outer: object) -> bool:
    assert isinstance(inner, dict)
    assert isinstance(outer, dict)
    return all(inner.get(name) == value for name, value in outer.items())


def _unchanged(old: Finding, new: Finding) -> bool:
    names = ("slice", "start", "end", "actual", "expected", "state", "severity")
    return all(getattr(old, name) == getattr(new, name) for name in names)


def _withdrawn(finding: Finding, now: datetime) -> Finding:
    return replace(finding, state="withdrawn", detected_at=now)


def _hours(moment: datetime) -> int:
    return int(moment.timestamp()) // 3600


def _moment(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)


def _rounded(value: float) -> float:
    return float(f"{value:.9g}")
