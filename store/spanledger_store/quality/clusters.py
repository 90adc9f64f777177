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
class Sample(Page):
    """Calls with whose they are and what was asked ('' where that is no longer kept)."""

    sessions: Sequence[str]
    customers: Sequence[str]
    users: Sequence[str]
    texts: Sequence[str]


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


def sample(
    engine: Engine, project: str, model: str, dimensions: int, first: datetime, end: datetime, most: int
) -> Sample:
    """About `most` calls of [first, end) at most: whole sessions by the hash of their names, in order of time."""
    calls = sum(each.calls for each in hours(engine, project, model, first) if each.hour < end)
    among = max(1, -(-calls // most))
    start, trace, span = _FIRST
    frames: list[pl.DataFrame] = []
    texts: dict[tuple[int, str, str], str] = {}
    while True:
        parameters: dict[str, Any] = {
            "project": project, "model": model, "dimensions": dimensions, "first": first, "end": end, "among": among,
            "start": start, "trace": trace, "span": span, "limit": PAGE,
        }  # fmt: skip
        frame = engine.query(load("cluster_sample"), parameters)
        if len(frame):
            frames.append(frame)
            bounds = {"first": int(frame["start"][0]), "last": int(frame["start"][-1])}
            for at, of_trace, of_span, content in engine.rows(
                load("cluster_texts"), {"project": project, "among": among, **bounds}
            ):
                texts[at, of_trace, of_span] = embedding.asked(content)
            start, trace, span = frame.select("start", "trace_id", "span_id").row(-1)
        if len(frame) < PAGE:
            break
    if not frames:
        nothing: list[str] = []
        empty = np.zeros((0, dimensions), np.float32)
        return Sample([], [], [], empty, np.zeros(0, np.float32), nothing, nothing, nothing, nothing)
    whole = pl.concat(frames)
    page = _page(whole, dimensions)
    keys = zip(page.starts, page.traces, page.spans, strict=True)
    return Sample(
        page.starts, page.traces, page.spans, page.vectors, page.probabilities, whole["session"].to_list(),
        whole["customer"].cast(pl.String).to_list(), whole["user"].to_list(), [texts.get(key, "") for key in keys],
    )  # fmt: skip


def _page(frame: pl.DataFrame, dimensions: int) -> Page:
    vectors = frame["vector"].explode(empty_as_null=False, keep_nulls=False).to_numpy()
    return Page(
        frame["start"].to_list(),
        frame["trace_id"].to_list(),
        frame["span_id"].to_list(),
        np.asarray(vectors, dtype=np.float32).reshape(len(frame), dimensions),
        frame["probability"].to_numpy().astype(np.float32),
    )


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


def some(sample_: Sample, rows: NDArray[np.intp]) -> Sample:
    """Some rows of a sample, as a sample."""
    page = part(sample_, rows)
    chosen: list[int] = rows.tolist()
    return Sample(
        page.starts,
        page.traces,
        page.spans,
        page.vectors,
        page.probabilities,
        [sample_.sessions[at] for at in chosen],
        [sample_.customers[at] for at in chosen],
        [sample_.users[at] for at in chosen],
        [sample_.texts[at] for at in chosen],
    )
