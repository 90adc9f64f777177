"""Vectors to make clusters of, and what was made: codebooks' clusters, and which calls belong to which.

for page in clusters.unassigned(engine, wanted):
    clusters.assign(engine, codebook, page, ids, distances)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spanledger_store import embedding
from spanledger_store.control.clusters import Codebook
from spanledger_store.embedding import Hour
from spanledger_store.engine import Engine
from spanledger_store.sql import load

Floats = NDArray[np.float32]
PAGE: Final = 8_192
_FIRST: Final = (0, "", "")
_NO_PLACE: Final = math.nan
_STEP_NS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Page:
    """Calls by identity (starts in UTC nanoseconds), their vectors, rows x dimensions, and the chances they had."""

    starts: Sequence[int]
    traces: Sequence[str]
    spans: Sequence[str]
    vectors: Floats
    probabilities: Floats

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster of a codebook as it is stored; see the table."""

    cluster: int
    parent: int
    parent_label: str
    label: str
    words: Sequence[str]
    calls: int
    weight: float
    radius: float
    centroid: Sequence[float]
    x: float
    y: float


def hours(engine: Engine, project: str, model: str, since: datetime) -> list[Hour]:
    """The hours in which a project has vectors of a model since then, oldest first."""
    return embedding.listed(engine, "cluster_hours", {"project": project, "model": model, "since": since})


def unassigned(
    engine: Engine, codebook: Codebook, dimensions: int, first: datetime, end: datetime, limit: int = PAGE
) -> Iterator[Page]:
    """Vectors of [first, end) that the codebook has not assigned, a page at a time; none of the pages is empty."""
    start, trace, span = _FIRST
    while True:
        parameters = {
            "project": codebook.project, "model": codebook.model, "codebook": codebook.id, "dimensions": dimensions,
            "first": first, "end": end, "start": start, "trace": trace, "span": span, "limit": limit,
        }  # fmt: skip
        frame = engine.query(load("cluster_unassigned"), parameters)
        if len(frame):
            yield _page(frame, dimensions)
        if len(frame) < limit:
            return
        start, trace, span = frame.select("start", "trace_id", "span_id").row(-1)


def _page(frame: pl.DataFrame, dimensions: int) -> Page:
    return Page(
        frame["start"].to_list(),
        frame["trace_id"].to_list(),
        frame["span_id"].to_list(),
        as_matrix(frame["vector"], dimensions),
        frame["probability"].to_numpy().astype(np.float32),
    )


def as_matrix(vectors: pl.Series, dimensions: int) -> Floats:
    """A column of vectors as a matrix: rows x dimensions."""
    flat = vectors.explode(empty_as_null=False, keep_nulls=False).to_numpy()
    return np.asarray(flat, dtype=np.float32).reshape(len(vectors), dimensions)


def assign(
    engine: Engine,
    codebook: Codebook,
    page: Page,
    clusters: NDArray[np.int64],
    distances: Floats,
    places: Floats | None = None,
    exemplars: NDArray[np.int64] | None = None,
) -> None:
    """Store which clusters the calls of a page belong to, with their places on the map (calls x 2) where known.

    Rows of a newer codebook win over those of an older one, whichever is written last; of one codebook, those that say
    which calls are exemplars. Written again they are the same.
    """
    if not len(page):
        return
    version = int(codebook.made_at.timestamp() * 1_000_000) * _STEP_NS + (1 if exemplars is not None else 0)
    count = len(page)
    columns: dict[str, Sequence[Any]] = {
        "project_id": [codebook.project] * count,
        "trace_id": page.traces,
        "span_id": page.spans,
        "start_time": page.starts,
        "codebook": [codebook.id] * count,
        "cluster": clusters.tolist(),
        "distance": distances.tolist(),
        "weight": (1.0 / np.maximum(page.probabilities, 1e-6)).tolist(),
        "x": [_NO_PLACE] * count if places is None else places[:, 0].tolist(),
        "y": [_NO_PLACE] * count if places is None else places[:, 1].tolist(),
        "exemplar": [0] * count if exemplars is None else exemplars.tolist(),
        "ingested_at": [version] * count,
    }
    told = hashlib.blake2b(digest_size=16)
    for start, trace, span in zip(page.starts, page.traces, page.spans, strict=True):
        told.update(f"{start} {trace} {span}\n".encode())
    engine.insert("assignment_rows", columns, f"assigned-{codebook.id}-{version}-{told.hexdigest()}")


def write(engine: Engine, codebook: Codebook, listed: Sequence[Cluster]) -> None:
    """Store the clusters of a codebook."""
    count = len(listed)
    columns: dict[str, Sequence[Any]] = {
        "project_id": [codebook.project] * count,
        "codebook": [codebook.id] * count,
        "made_at": [codebook.made_at] * count,
        "model": [codebook.model] * count,
        **{name: [getattr(each, name) for each in listed] for name in Cluster.__slots__},
    }
    engine.insert("cluster_rows", columns, f"codebook-{codebook.id}")


@dataclass(frozen=True, slots=True)
class Called:
    """What a cluster of a codebook is called; `topic` is the number of the topic of topics that it is in."""

    label: str
    words: tuple[str, ...]
    topic: int
    topic_label: str


def called(engine: Engine, codebook: Codebook) -> dict[int, Called]:
    """What a codebook's clusters are called, by number."""
    frame = engine.query(load("cluster_described"), {"project": codebook.project, "codebook": codebook.id})
    return {
        number: Called(label, tuple(words), topic, topic_label)
        for number, topic, topic_label, label, words in frame.iter_rows()
    }


def part(page: Page, rows: NDArray[np.intp]) -> Page:
    """Some rows of a page, as a page."""
    chosen: list[int] = rows.tolist()
    return Page(
        [page.starts[at] for at in chosen],
        [page.traces[at] for at in chosen],
        [page.spans[at] for at in chosen],
        page.vectors[rows],
        page.probabilities[rows],
    )
