"""A sample of calls with their vectors: whole sessions, by customer x feature, with the chance that each call had.

drawn = sampling.sample(engine, project, model, dimensions, first, end, most=25_000, power=sampling.STRATIFIED)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from string import Template
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from spanledger_store import embedding
from spanledger_store.engine import Engine
from spanledger_store.quality.clusters import Floats, Page, as_matrix, part
from spanledger_store.sql import load

STRATIFIED: Final = 0.5
"""The power at which large strata get more of a sample than small ones, but fewer than their share."""
ONE_RATE: Final = 0.0
"""The power at which all sessions have the same chance."""
LONGEST: Final = 1_000
"""So many calls of a session are read at most, where nothing else is said."""
PAGE: Final = 4_096
"""Calls whose vectors and contents are asked for at a time."""
_KEY: Final = ("start", "trace_id", "span_id")


@dataclass(frozen=True, slots=True)
class Sample(Page):
    """Calls with whose they are and what was asked ('' where that is no longer kept).

    `probabilities` are those of having a vector, as of any page; `chances` those of being in the sample, vector and
    all: a call here stands for 1 / chance calls.
    """

    sessions: Sequence[str]
    customers: Sequence[str]
    users: Sequence[str]
    texts: Sequence[str]
    features: Sequence[str]
    chances: Floats

    @property
    def weights(self) -> NDArray[np.float64]:
        """How many calls each one stands for: their sum estimates all without bias (Horvitz and Thompson 1952)."""
        return 1.0 / np.maximum(self.chances.astype(np.float64), 1e-9)


def sample(
    engine: Engine,
    project: str,
    model: str,
    dimensions: int,
    first: datetime,
    end: datetime,
    most: int,
    power: float = ONE_RATE,
    longest: int = LONGEST,
) -> Sample:
    """About `most` calls of [first, end) with a vector, or all where there are fewer, in order of time: whole sessions
    by the hash of their names, so that the same sessions are drawn again.

    A session's chance is c / size ** power and at most 1, where size is how many calls its customer x feature has, and
    c one number for all: small strata are taken whole, and with STRATIFIED those above get as many calls as the root of
    their size (power allocation: Bankier, The American Statistician 42, 1988). Of the strata that a session asks in,
    the smallest counts: none is missed because it comes up in sessions about something else. Of a session with more
    than `longest` calls, as many are drawn, which bounds memory.
    """
    about: dict[str, Any] = {
        "project": project, "model": model, "dimensions": dimensions, "first": first, "end": end, "power": power,
    }  # fmt: skip
    embedded = load("cluster_embedded")
    filled = {"embedded": embedded, "sessions": Template(load("cluster_sessions")).substitute(embedded=embedded)}
    strata = engine.query(Template(load("cluster_strata")).safe_substitute(filled), {**about, "longest": longest})
    chosen = {"level": level(strata["size"], strata["calls"], most, power), "longest": longest}
    calls = engine.query(Template(load("cluster_sample")).safe_substitute(filled), {**about, **chosen})
    pages = list(_pages(engine, calls, {"project": project, "model": model, "dimensions": dimensions}))
    if not pages:
        nothing: list[str] = []
        empty, none = np.zeros((0, dimensions), np.float32), np.zeros(0, np.float32)
        return Sample([], [], [], empty, none, nothing, nothing, nothing, nothing, nothing, none)
    whole = pl.concat([frame for frame, _ in pages])
    probabilities = whole["probability"].to_numpy().astype(np.float32)
    return Sample(
        whole["start"].to_list(),
        whole["trace_id"].to_list(),
        whole["span_id"].to_list(),
        np.concatenate([vectors for _, vectors in pages]),
        probabilities,
        whole["session"].to_list(),
        whole["customer"].cast(pl.String).to_list(),
        whole["user"].to_list(),
        whole["text"].to_list(),
        whole["feature"].cast(pl.String).to_list(),
        (whole["chance"].to_numpy() * probabilities).astype(np.float32),
    )


def level(sizes: ArrayLike, calls: ArrayLike, most: int, power: float) -> float:
    """The c for which sessions drawn with a chance of c / size ** power, at most 1, have `most` calls on average.

    `calls` are those that would be read of all sessions whose stratum has one of `sizes`. Where there are no more than
    `most`, the c at which every chance is 1.
    """
    roots = np.asarray(sizes, np.float64) ** power
    order = np.argsort(roots, kind="stable")
    roots, counts = roots[order], np.asarray(calls, np.float64)[order]
    if counts.sum() <= most:
        return float(roots.max(initial=1.0))
    # With the strata below each one taken whole, what the others must share out; the first that fits is the one.
    below = np.concatenate(([0.0], np.cumsum(counts)[:-1]))
    above = np.cumsum((counts / roots)[::-1])[::-1]
    tried = (most - below) / above
    return float(tried[np.argmax(tried <= roots)])


def some(drawn: Sample, rows: NDArray[np.intp]) -> Sample:
    """Some rows of a sample, as a sample."""
    page = part(drawn, rows)
    at: list[int] = rows.tolist()
    return Sample(
        page.starts,
        page.traces,
        page.spans,
        page.vectors,
        page.probabilities,
        [drawn.sessions[row] for row in at],
        [drawn.customers[row] for row in at],
        [drawn.users[row] for row in at],
        [drawn.texts[row] for row in at],
        [drawn.features[row] for row in at],
        drawn.chances[rows],
    )


def _pages(engine: Engine, calls: pl.DataFrame, about: dict[str, Any]) -> Iterator[tuple[pl.DataFrame, Floats]]:
    """Calls with `probability` and `text`, and their vectors, a page at a time, without what has lost its vector."""
    for at in range(0, len(calls), PAGE):
        page = calls.slice(at, PAGE)
        starts = page["start"].to_list()
        asked = {**about, "starts": starts, "first": starts[0], "last": starts[-1]}
        found = engine.query(load("cluster_vectors"), asked)
        # A message may be large: what a query is embedded by is taken out of it at once.
        texts = pl.DataFrame(
            [(*each[:3], embedding.asked(each[3])) for each in engine.rows(load("cluster_texts"), asked)],
            schema={"start": pl.Int64, "trace_id": pl.String, "span_id": pl.String, "text": pl.String},
            orient="row",
        )
        places = found.select(*_KEY, "probability").with_row_index("at")
        joined = page.join(places, on=_KEY, how="inner", maintain_order="left")
        joined = joined.join(texts, on=_KEY, how="left", maintain_order="left")
        if len(joined):
            vectors = as_matrix(found["vector"], int(about["dimensions"]))
            yield joined.with_columns(pl.col("text").fill_null("")), vectors[joined["at"].to_numpy()]
