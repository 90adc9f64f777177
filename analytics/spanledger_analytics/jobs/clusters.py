"""The clusters job: a codebook of each project's queries, made anew weekly, or sooner where it no longer fits.

Numbers go on: what is for the most part an earlier cluster keeps its number, and with it its name and history.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics import codebooks, continuity, topics
from spanledger_analytics.codebooks import Book
from spanledger_analytics.continuity import Topics
from spanledger_analytics.labelling import LabellerSettings, relabelled
from spanledger_analytics.methods.clusters.assigning import OUTSIDE, assign
from spanledger_analytics.methods.clusters.fitting import Settings, fit
from spanledger_analytics.methods.clusters.matching import Edits, Match, carry, match
from spanledger_analytics.topics import Described
from spanledger_store import embedding
from spanledger_store.control import Control, cluster_progress, embeddings, projects
from spanledger_store.control import clusters as stored
from spanledger_store.control.clusters import NONE, Event, Said
from spanledger_store.engine import Engine
from spanledger_store.quality import clusters, sampling
from spanledger_store.quality.clusters import Cluster
from spanledger_store.quality.sampling import Sample

logger = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]

MOST: Final = 25_000
LEAST: Final = 300
SEED: Final = 20_260_101
WEEK: Final = timedelta(days=7)
# Not sooner than this, however badly it fits: a codebook should live to see what it says.
REST: Final = timedelta(hours=24)
_RECENT: Final = timedelta(days=2)
_ENOUGH: Final = 500
_WORSE: Final = 2.0
_WORSE_BY: Final = 0.05
# Another model takes over once it has this share of the calls that the one with the most has.
_ENOUGH_OF: Final = 0.5


def run(engine: Engine, control: Control, progress: Progress = lambda *_: None, now: datetime | None = None) -> int:
    """Make the codebooks that are due; how many."""
    made = 0
    at = now or datetime.now(UTC)
    for project in projects.listing(control):
        model = chosen_model(engine, control, project.id, at)
        if model is not None and (
            is_due(control, project.id, model, at) or is_partial(engine, stored.newest(control, project.id))
        ):
            made += refit(engine, control, project.id, at, progress) is not None
    return made


def is_due(control: Control, project: str, model: embedding.Model, now: datetime) -> bool:
    """Whether a project's codebook is to be made anew: a week is over, it is of another model than vectors are, what is
    in none of its clusters has grown clearly, or somebody has asked for it."""
    kept = stored.newest(control, project)
    if kept is None:
        return model.calls >= LEAST
    if any(each.kind == stored.ASKED for each in stored.events(control, project, kept.made_at)):
        return True
    age = now - kept.made_at
    if age >= WEEK or (model.model != kept.model and model.calls >= LEAST):
        return age >= min(REST, timedelta(hours=1))
    calls, outside = cluster_progress.outside(control, kept.id, max(kept.end, now - _RECENT))
    return age >= REST and calls >= _ENOUGH and outside / calls > _WORSE * kept.outside + _WORSE_BY


def is_partial(engine: Engine, kept: stored.Codebook | None) -> bool:
    """Whether a codebook was made while most calls of its time were still to come, as while a month is imported: it is
    to be made anew, and what differs then is no event."""
    if kept is None or "rows" not in kept.details:
        return False
    return _rows_of(engine, kept.project, kept.model, kept.start, kept.end) > _WORSE * int(kept.details["rows"])


def _rows_of(engine: Engine, project: str, model: str, start: datetime, end: datetime) -> int:
    """Vectors of [start, end) as they are stored, whether or not some are there twice."""
    return sum(each.calls for each in clusters.hours(engine, project, model, start) if each.hour < end)


def refit(
    engine: Engine, control: Control, project: str, now: datetime, progress: Progress = lambda *_: None
) -> stored.Codebook | None:
    """Make a project's codebook of its last weeks, and put it in use; None where there are too few vectors for one.

    What is written before the codebook is in use is seen by nobody; after that, the assignment job goes through
    everything. Cut short in between, places on the map are missing until the next refit.
    """
    model = chosen_model(engine, control, project, now)
    if model is None or model.dimensions is None:
        return None
    first = now - timedelta(days=embeddings.settings(control, project).days)
    progress(f"reading {project}", 0, 1)
    # A moment that the store keeps as it is: whole milliseconds.
    made_at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    rows = _rows_of(engine, project, model.model, first, now)
    sample = sampling.sample(
        engine, project, model.model, model.dimensions, first, now, MOST, power=sampling.STRATIFIED
    )
    if len(sample) < LEAST:
        return None
    before = stored.newest(control, project)
    previous = codebooks.of(before) if before is not None and before.model == model.model else None
    earlier = previous.codebook if previous is not None else None
    # All that was drawn: by chance it may be somewhat more than was asked for.
    everything = Settings(most=len(sample))
    fitted = fit(sample.vectors, SEED, everything, progress=progress, previous=earlier)
    book = fitted.codebook
    if not len(book):
        return None
    positions: NDArray[np.int64] = np.full(len(sample), -1, dtype=np.int64)
    positions[fitted.rows] = fitted.labels - 1
    assigned = assign(earlier, sample.vectors)[0] if earlier is not None else np.full(len(sample), OUTSIDE)
    old: list[int] = earlier.ids.tolist() if earlier is not None else []
    made = match(old, stored.next_cluster(control, project), assigned, positions, len(book))
    book = book.numbered(np.asarray(made.ids))
    progress(f"describing {project}", 0, 1)
    kind, behind = topics.owners(sample)
    endpoint = LabellerSettings().endpoint()
    labeller = endpoint.model if endpoint is not None else ""
    called = clusters.called(engine, before) if before is not None and previous is not None else {}
    described = topics.describe(sample, positions, behind)
    # Words of another hand are no reason to keep a name.
    by_same = before is not None and before.details.get("labeller", "") == labeller
    told = continuity.kept(described, made.ids, called if by_same else {})
    if endpoint is not None:
        stays = {at for at, each in told.items() if each.label != described[at].label}
        told = relabelled(endpoint, told, sample.texts, progress, stays)
    free = int(before.details.get("next_topic", 1)) if before is not None else 1
    above = continuity.topics(called, free, assigned, positions, book.topics)
    whole = codebooks.made(book, previous)
    kept = stored.Codebook(
        id=secrets.token_hex(8),
        project=project,
        model=model.model,
        made_at=made_at,
        start=first,
        end=now,
        calls=len(sample),
        clusters=len(book),
        next_cluster=made.next_id,
        outside=_outside(sample, fitted.rows, positions),
        details={
            "stability": round(float(book.stability), 4),
            "dimensions": model.dimensions,
            "of_calls": model.calls,
            "rows": rows,
            "owners": kind,
            "least_owners": topics.LEAST_OWNERS,
            "labeller": labeller,
            "next_topic": above.free,
        },
        body=whole.dumps(),
    )
    clusters.write(engine, kept, _rows(whole, told, above, sample, positions))
    first_of_all = previous is None or is_partial(engine, before)
    stored.keep(control, kept, _events(kept, made, told, positions, sample, first_of_all=first_of_all))
    _carry(control, project, made)
    _place(engine, kept, whole, sample, told)
    logger.info("project %s: %d clusters of %d calls", project, len(book), len(sample))
    return kept


def chosen_model(engine: Engine, control: Control, project: str, now: datetime) -> embedding.Model | None:
    """The model whose vectors are clustered: the one in use here where enough calls have it, else that of the most."""
    first = now - timedelta(days=embeddings.settings(control, project).days)
    listed = [each for each in embedding.models(engine, project, first) if each.dimensions is not None]
    if not listed:
        return None
    used = embeddings.progress(control, project).model
    own = next((each for each in listed if each.model == used), None)
    return own if own is not None and own.calls >= _ENOUGH_OF * listed[0].calls else listed[0]


def _outside(sample: Sample, fitted: NDArray[np.int64], positions: NDArray[np.int64]) -> float:
    """The share in no cluster of all calls that the sample stands for, with which later calls are compared."""
    weights = sample.weights[fitted]
    return float(weights[positions[fitted] < 0].sum() / weights.sum())


def _rows(
    book: Book, told: Mapping[int, Described], topics_: Topics, sample: Sample, positions: NDArray[np.int64]
) -> list[Cluster]:
    codebook = book.codebook
    inside = positions >= 0
    counts = np.bincount(positions[inside], minlength=len(codebook))
    weights = np.bincount(positions[inside], sample.weights[inside], minlength=len(codebook))
    sizes = np.rint(weights).astype(np.int64).tolist()
    above = topics.joined(told, codebook.topics.tolist(), sizes, topics_.labels)
    nothing = Described("", (), ())
    made: list[Cluster] = []
    for at, number in enumerate(codebook.ids.tolist()):
        each, topic = told.get(at, nothing), int(codebook.topics[at])
        made.append(
            Cluster(
                number, topics_.ids[topic], above.get(topic, ""), each.label, list(each.words), int(counts[at]),
                float(weights[at]), float(codebook.radii[at]), codebook.centroids[at].tolist(),
                float(book.places[at, 0]), float(book.places[at, 1]),
            )
        )  # fmt: skip
    return made


def _events(
    kept: stored.Codebook,
    made: Match,
    told: Mapping[int, Described],
    positions: NDArray[np.int64],
    sample: Sample,
    *,
    first_of_all: bool,
) -> list[Event]:
    """What became of clusters; those of the first codebook (of all, or of most calls) are no births."""
    if first_of_all:
        return []
    weights = sample.weights
    total = float(weights.sum())
    places = {number: at for at, number in enumerate(made.ids)}
    events: list[Event] = []
    for each in made.events:
        after = [each.cluster] if each.kind.value in ("birth", "merge") else list(each.others)
        before = {"birth": [], "merge": list(each.others)}.get(each.kind.value, [each.cluster])
        rows = np.isin(positions, [places[number] for number in after if number in places])
        labels = {str(number): told[places[number]].label for number in after if places.get(number, -1) in told}
        share = float(weights[rows].sum()) / total if rows.any() else None
        events.append(
            Event(
                kept.project, kept.made_at, each.kind.value, kept.id, tuple(before), tuple(after), share,
                {"labels": labels, "calls": each.points},
            )
        )  # fmt: skip
    return events


def _carry(control: Control, project: str, made: Match) -> None:
    """People's words for what the clusters that they are about have become."""
    held = stored.said(control, project)
    edits = Edits(
        {number: each.name for number, each in held.items() if each.name},
        {number: each.merged_into for number, each in held.items() if each.merged_into != NONE},
        frozenset(number for number, each in held.items() if each.is_hidden),
    )
    after = carry(edits, made)
    words = [
        Said(number, after.names.get(number, ""), number in after.hidden, after.merged.get(number, NONE), "a refit")
        for number in sorted({*held, *after.names, *after.merged, *after.hidden})
    ]
    nothing = Said(NONE)
    changed = [each for each in words if _of(each) != _of(held.get(each.cluster, nothing))]
    stored.put(control, project, changed)


def _of(said: Said) -> tuple[str, bool, int]:
    return said.name, said.is_hidden, said.merged_into


def _place(engine: Engine, kept: stored.Codebook, book: Book, sample: Sample, told: Mapping[int, Described]) -> None:
    ranks: NDArray[np.int64] = np.zeros(len(sample), dtype=np.int64)
    for each in told.values():
        for rank, row in enumerate(each.exemplars, 1):
            ranks[row] = rank
    for at in range(0, len(sample), clusters.PAGE):
        rows = np.arange(at, min(at + clusters.PAGE, len(sample)))
        page = clusters.part(sample, rows)
        clusters.assign(engine, kept, page, *book.assign(page.vectors), ranks[rows])
