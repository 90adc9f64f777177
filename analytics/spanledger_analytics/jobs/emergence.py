"""The emergence job: topics of a week that the weeks before did not have, told once each, before any refit.

Each look keeps the chance of telling anything where there is no news at `emerging.ALPHA`, over all groups looked at; a
topic that was told in the last month is not told again. What was not looked at when it was due, as where a month of
calls comes at once, is looked at later by the day, as it would have been then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from spanledger_analytics import emerging
from spanledger_analytics.emerging import Topic
from spanledger_analytics.jobs.clusters import chosen_model
from spanledger_analytics.jobs.hours import Progress
from spanledger_store import embedding, findings
from spanledger_store.control import Control, cluster_progress, projects
from spanledger_store.control import clusters as stored
from spanledger_store.control.clusters import Event
from spanledger_store.engine import Engine
from spanledger_store.findings import Finding
from spanledger_store.quality import sampling
from spanledger_store.quality.sampling import Sample

KIND: Final = "topic"
"""The kind of finding that a new topic is."""
# Looks overlap, and each has its chance of a false alarm.
EVERY: Final = timedelta(hours=12)
WEEK: Final = timedelta(days=7)
BEFORE: Final = timedelta(days=21)
MONTH: Final = timedelta(days=30)
# How far back looks are made up for.
CAUGHT_UP: Final = timedelta(days=30)
_DAY: Final = timedelta(days=1)
# Calls of both stretches at most: time grows with their square.
MOST_BEFORE: Final = 12_000
MOST_NOW: Final = 6_000
# Of a session at most: it is one observation however long it is, and more sessions say more than more of their calls.
OF_SESSION: Final = 4
_EXAMPLES: Final = 5
_NAMELESS: Final = "(too few people ask it to say more)"


def run(engine: Engine, control: Control, progress: Progress = lambda *_: None, now: datetime | None = None) -> int:
    """Make every project's looks that are due, the oldest first; how many topics are new."""
    at = now or datetime.now(UTC)
    last = cluster_progress.looks(control)
    return sum(
        catch_up(engine, control, each.id, last.get(each.id), at, progress) for each in projects.listing(control)
    )


def catch_up(
    engine: Engine,
    control: Control,
    project: str,
    last: datetime | None,
    now: datetime,
    progress: Progress = lambda *_: None,
) -> int:
    """Look at one project at each moment that has come since the last look; how many topics are new.

    A look that had too few calls is not noted: it is made again, until the calls are there or the moment is long gone.
    """
    made = 0
    for moment in moments(last, now):
        told = look(engine, control, project, moment, progress)
        if told is not None:
            cluster_progress.looked(control, project, moment)
            made += told
    return made


def moments(last: datetime | None, now: datetime) -> Iterator[datetime]:
    """When to look, the oldest first: now, where the last look is half a day ago, and before that once a day."""
    first = now - CAUGHT_UP if last is None else max(last, now - CAUGHT_UP)
    if now - first < EVERY:
        return
    for days in reversed(range((now - first - EVERY) // _DAY + 1)):
        yield now - days * _DAY


def look(
    engine: Engine, control: Control, project: str, now: datetime, progress: Progress = lambda *_: None
) -> int | None:
    """Tell a project's new topics as of `now`, each as an event of its clusters and as a finding; how many, None where
    there were too few calls to tell."""
    model = chosen_model(engine, control, project, now)
    if model is None or model.dimensions is None or model.calls < 2 * emerging.LEAST:
        return None
    cut = now - WEEK
    progress(f"reading {project} as of {now:%Y-%m-%d}", 0, 2)
    current = _sample(engine, project, model, cut, now, MOST_NOW)
    if len(current) < emerging.LEAST:
        return None
    before = _sample(engine, project, model, cut - BEFORE, cut, MOST_BEFORE)
    before_told = [
        each
        for each in stored.events(control, project, now - MONTH)
        if each.kind == "emergence" and each.details.get("model") == model.model
    ]
    known = [np.asarray(each.details["middle"]) for each in before_told]
    found = emerging.new_topics(before, current, known, progress)
    if found is None:
        return None
    kept = stored.newest(control, project)
    made: list[Finding] = []
    for topic in found:
        told = _told(project, topic, current, now)
        if topic.known is None:
            more = {"middle": [round(float(each), 4) for each in topic.middle], "model": model.model}
            event = Event(project, now, "emergence", kept.id if kept else "", share=topic.share, details=told | more)
            stored.tell(control, event)
            made.append(_finding(event, topic, current, now))
        elif topic.words.label and not before_told[topic.known].details.get("words"):
            _name(engine, control, before_told[topic.known], told)
    findings.write(engine, made)
    return len(made)


def _name(engine: Engine, control: Control, event: Event, told: Mapping[str, Any]) -> None:
    """Give a topic that too few people had asked about to be described the words that it has by now."""
    label = told["labels"][""]
    words = {name: told[name] for name in ("labels", "words", "example_traces", "examples")}
    words["sentence"] = event.details["sentence"].replace(_NAMELESS, label)
    stored.retell(control, [replace(event, details={**event.details, **words})])
    near = findings.listing(engine, event.project, start=event.at - WEEK, end=event.at, kinds=(KIND,))
    mine = [each for each in near if each.id == findings.identity(event.project, KIND, {}, each.start, event.id)]
    findings.write(engine, [replace(each, evidence={**each.evidence, **words}) for each in mine])


def _sample(engine: Engine, project: str, model: embedding.Model, first: datetime, end: datetime, most: int) -> Sample:
    # One rate for all: were a small stratum thinned more in one stretch than in the other, that would pass for news.
    drawn = sampling.sample(
        engine, project, model.model, model.dimensions or 0, first, end, most, sampling.ONE_RATE, OF_SESSION
    )
    return emerging.directed(drawn)


def _told(project: str, topic: Topic, current: Sample, now: datetime) -> dict[str, Any]:
    group, words = topic.group, topic.words
    rows: Sequence[int] = words.exemplars[:_EXAMPLES]
    label = words.label or _NAMELESS
    return {
        "key": f"{project} {min(current.starts[row] for row in group.members.tolist())}",
        "labels": {"": label},
        "words": list(words.words),
        "sessions": group.sessions,
        "factor": round(float(group.factor), 2),
        "p_value": group.p_value,
        "example_traces": [current.traces[row] for row in rows],
        "examples": [[current.traces[row], current.spans[row]] for row in rows],
        "sentence": (
            f"New topic: {label}. {topic.share:.1%} of the sessions of the week to {now:%-d %b} ({group.sessions}) ask "
            f"about it; of those of the three weeks before, {group.sessions_before} of {topic.sessions[0]} did."
        ),
    }


def _finding(event: Event, topic: Topic, current: Sample, now: datetime) -> Finding:
    group = topic.group
    start = datetime.fromtimestamp(min(current.starts[row] for row in group.members.tolist()) / 1e9, UTC)
    shown = {name: value for name, value in event.details.items() if name not in ("middle", "key")}
    return Finding(
        project_id=event.project,
        id=findings.identity(event.project, KIND, {}, start, event.id),
        kind=KIND,
        method="emergence",
        slice={},
        start=start,
        end=now,
        grain="day",
        first_detected_at=now,
        detected_at=now,
        severity="medium" if topic.share >= 0.02 else "low",
        actual=topic.share,
        expected=topic.before,
        lower=None,
        upper=None,
        unit="share",
        impact_usd=None,
        score=float(group.factor),
        p_value=float(group.p_value),
        confidence=min(1.0 - float(group.p_value), 0.9999),
        evidence=shown,
    )
