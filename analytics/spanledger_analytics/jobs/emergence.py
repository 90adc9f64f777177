"""The emergence job: topics of this week that the weeks before did not have, told once each, before any refit.

Each look keeps the chance of telling anything where there is no news at ALPHA, over all groups looked at; a topic that
was told in the last month is not told again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics import topics
from spanledger_analytics.jobs.clusters import SEED, chosen_model
from spanledger_analytics.jobs.hours import Progress
from spanledger_analytics.methods.clusters.emergence import News, Settings, emergence
from spanledger_analytics.methods.clusters.neighbours import unit
from spanledger_store import clusters, findings
from spanledger_store.clusters import Sample
from spanledger_store.control import Control, cluster_progress, projects
from spanledger_store.control import clusters as stored
from spanledger_store.control.clusters import Event
from spanledger_store.engine import Engine
from spanledger_store.findings import Finding

KIND: Final = "topic"
"""The kind of finding that a new topic is."""
ALPHA: Final = 0.005
# Looks overlap, and each has its chance of a false alarm.
EVERY: Final = timedelta(hours=12)
WEEK: Final = timedelta(days=7)
BEFORE: Final = timedelta(days=21)
MONTH: Final = timedelta(days=30)
# Calls of both stretches at most: time grows with their square.
_MOST_BEFORE: Final = 12_000
_MOST_NOW: Final = 6_000
_LEAST: Final = 200
# Cosine of two groups' middles from which they are one topic.
_SAME: Final = 0.8
_EXAMPLES: Final = 5
_SETTINGS: Final = Settings(alpha=ALPHA)


def run(engine: Engine, control: Control, progress: Progress = lambda *_: None, now: datetime | None = None) -> int:
    """Look at every project that has not been looked at for half a day; how many topics are new."""
    at = now or datetime.now(UTC)
    before = cluster_progress.looks(control)
    made = 0
    for project in projects.listing(control):
        if project.id not in before or at - before[project.id] >= EVERY:
            made += look(engine, control, project.id, at, progress)
            cluster_progress.looked(control, project.id, at)
    return made


def look(engine: Engine, control: Control, project: str, now: datetime, progress: Progress = lambda *_: None) -> int:
    """Tell a project's new topics as of `now`, each as an event of its clusters and as a finding; how many."""
    model = chosen_model(engine, control, project, now)
    if model is None or model.dimensions is None:
        return 0
    cut = now - WEEK
    progress(f"reading {project}", 0, 2)
    before = _sample(engine, project, model.model, model.dimensions, cut - BEFORE, cut, _MOST_BEFORE)
    current = _sample(engine, project, model.model, model.dimensions, cut, now, _MOST_NOW)
    if min(len(before), len(current)) < _LEAST:
        return 0
    found = emergence(
        before.vectors,
        np.array(before.sessions),
        current.vectors,
        np.array(current.sessions),
        SEED,
        _SETTINGS,
        progress,
    )
    fresh = [each for each in found.groups if each.new]
    if not fresh:
        return 0
    known = [
        np.asarray(each.details["middle"])
        for each in stored.events(control, project, now - MONTH)
        if each.kind == "emergence" and each.details.get("model") == model.model
    ]
    described = _described(current, fresh)
    made: list[Finding] = []
    for at, group in enumerate(fresh):
        middle = unit(current.vectors[group.members].mean(axis=0, keepdims=True))[0]
        if any(float(each @ middle) >= _SAME for each in known):
            continue
        known.append(middle)
        told = _told(project, group, current, described, at, found.sessions_now, found.sessions_before)
        kept = stored.newest(control, project)
        details = told | {"middle": [round(float(each), 4) for each in middle], "model": model.model}
        share = group.sessions / found.sessions_now
        event = Event(project, now, "emergence", kept.id if kept else "", share=share, details=details)
        stored.tell(control, event)
        made.append(_finding(event, group, current, now, found.sessions_before))
    findings.write(engine, made)
    return len(made)


def _sample(
    engine: Engine, project: str, model: str, dimensions: int, first: datetime, end: datetime, most: int
) -> Sample:
    """Calls with a direction: a text of which nothing is known has none."""
    found = clusters.sample(engine, project, model, dimensions, first, end, most)
    return clusters.some(found, np.flatnonzero(found.vectors.any(axis=1)))


def _described(current: Sample, groups: Sequence[News]) -> dict[int, topics.Described]:
    """Groups in words, against everything else of the week."""
    positions: NDArray[np.int64] = np.full(len(current), len(groups), dtype=np.int64)
    for at, group in reversed(list(enumerate(groups))):
        positions[group.members] = at
    return topics.describe(current, positions, topics.owners(current)[1])


def _told(
    project: str,
    group: News,
    current: Sample,
    described: Mapping[int, topics.Described],
    at: int,
    sessions: int,
    sessions_before: int,
) -> dict[str, Any]:
    words = described.get(at, topics.Described("", (), ()))
    rows = list(words.exemplars)[:_EXAMPLES] or []
    share = group.sessions / max(sessions, 1)
    label = words.label or "(too few people ask it to say more)"
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
            f"New topic: {label}. {share:.1%} of this week's sessions ({group.sessions}) ask about it; of the three "
            f"weeks before, {group.sessions_before} of {sessions_before} did."
        ),
    }


def _finding(event: Event, group: News, current: Sample, now: datetime, sessions_before: int) -> Finding:
    start = datetime.fromtimestamp(min(current.starts[row] for row in group.members.tolist()) / 1e9, UTC)
    share = event.share or 0.0
    expected = group.sessions_before / max(sessions_before, 1)
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
        severity="medium" if share >= 0.02 else "low",
        actual=share,
        expected=expected,
        lower=None,
        upper=None,
        unit="share",
        impact_usd=None,
        score=float(group.factor),
        p_value=float(group.p_value),
        confidence=min(1.0 - float(group.p_value), 0.9999),
        evidence=shown,
    )
