"""The assignment job: every new vector is put into a cluster of its project's codebook, soon after it is there."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

from spanledger_analytics import codebooks
from spanledger_analytics.codebooks import Book
from spanledger_analytics.jobs import hours
from spanledger_analytics.jobs.hours import Progress
from spanledger_analytics.methods.clusters.assigning import OUTSIDE
from spanledger_store.control import Control, cluster_progress, embeddings, projects
from spanledger_store.control import clusters as stored
from spanledger_store.control.embeddings import Hour
from spanledger_store.embedding import Hour as Now
from spanledger_store.engine import Engine
from spanledger_store.quality import clusters

# As in the embedding job: whatever takes longer rests longer, and new vectors are to wait less than a minute.
SECONDS: Final = 6.0
RECENT: Final = timedelta(hours=48)
SWEEP: Final = timedelta(hours=1)
_HOUR: Final = timedelta(hours=1)
# Vectors of hours that are read together.
_GROUP: Final = 50_000
# Codebook -> when this process last came to the end of all hours.
_swept: dict[str, datetime] = {}


def run(
    engine: Engine,
    control: Control,
    progress: Progress = lambda *_: None,
    now: datetime | None = None,
    seconds: float = SECONDS,
) -> int:
    """Assign what is new in every project that has a codebook; how many vectors were assigned.

    May be cut short anywhere and repeated. After a refit the newest hours come first, as far back as vectors are made.
    """
    until = time.monotonic() + seconds
    return sum(
        look(engine, control, each.id, now or datetime.now(UTC), progress, until) for each in projects.listing(control)
    )


def look(
    engine: Engine,
    control: Control,
    project: str,
    now: datetime,
    progress: Progress = lambda *_: None,
    until: float | None = None,
) -> int:
    """Assign one project's vectors until the monotonic clock shows `until`; how many."""
    kept = stored.newest(control, project)
    book = codebooks.of(kept) if kept is not None else None
    if kept is None or book is None or not len(book.codebook):
        return 0
    back = hours.floor(now - timedelta(days=embeddings.settings(control, project).days))
    sweeps = now - _swept.get(kept.id, embeddings.NEVER) >= SWEEP
    listed = clusters.hours(engine, project, kept.model, back if sweeps else max(back, hours.floor(now - RECENT)))
    known = cluster_progress.hours(control, kept.id, back)
    made, come = 0, 0
    due = _grouped([each for each in listed if not hours.is_done(known.get(each.hour), each)])
    for group in due:
        if until is not None and time.monotonic() > until:
            break
        progress(f"assigning {project}", come, sum(map(len, due)))
        assigned, outside, whole = _assign(engine, kept, book, group, until)
        cluster_progress.done(
            control,
            kept.id,
            [hours.noted(_as_it_is(each, known.get(each.hour)), assigned, whole=whole) for each in group],
            outside,
        )
        made += sum(assigned.values())
        come += len(group) if whole else 0
    if sweeps and come == sum(map(len, due)):
        _swept[kept.id] = now
    return made


def _assign(
    engine: Engine, kept: stored.Codebook, book: Book, group: list[Now], until: float | None
) -> tuple[Counter[datetime], Counter[datetime], bool]:
    """(vectors assigned by hour, those in no cluster by hour, whether all were come to)."""
    assigned: Counter[datetime] = Counter()
    outside: Counter[datetime] = Counter()
    first, end = group[0].hour, group[-1].hour + _HOUR
    for page in clusters.unassigned(engine, kept, book.codebook.dimensions, first, end):
        ids, distances, places = book.assign(page.vectors)
        clusters.assign(engine, kept, page, ids, distances, places)
        when = hours.of(page.starts)
        assigned.update(when)
        outside.update(hour for hour, each in zip(when, ids.tolist(), strict=True) if each == OUTSIDE)
        if until is not None and time.monotonic() > until:
            return assigned, outside, False
    return assigned, outside, True


def _as_it_is(now: Now, before: Hour | None) -> Hour:
    return Hour(now.hour, now.rows, now.newest, 1.0, before.embedded if before else 0)


def _grouped(due: list[Now]) -> list[list[Now]]:
    """Hours in groups, the newest group first; oldest first within one."""
    groups: list[list[Now]] = []
    size = 0
    for each in reversed(due):
        size += each.rows
        if groups and size <= _GROUP:
            groups[-1].insert(0, each)
        else:
            groups.append([each])
            size = each.rows
    return groups
