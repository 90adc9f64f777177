"""All calls of a stretch, read once for the many windows of it that a catch-up compares.

Every look at a day reads the day and weeks before it, of all calls and of each feature: what they share is read here
once. A window from here is the window that `drift_calls` and `drift_columns` read, sample and all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spanledger_store.engine import Engine
from spanledger_store.reports import drift_calls, drift_columns
from spanledger_store.reports.drift_calls import MOST, Window
from spanledger_store.scope import Dimension, Scope
from spanledger_store.sql import load

ROOM: Final = 192 * 1024 * 1024
"""Bytes that may be held, about; of what takes more, every window is read by itself."""
# What a call takes beside its vector, and what a run of a tool or a score takes.
_CALL, _BESIDE = 800, 150
_FILTERS: Final = frozenset(
    {Dimension.CUSTOMER, Dimension.FEATURE, Dimension.ENVIRONMENT, Dimension.RELEASE, Dimension.PROMPT_VERSION}
)
_DAY_NS: Final = 86_400 * 10**9
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Held:
    """All calls of a scope, in order of time; `window.frame` may be given more columns, but no other rows.

    `tools` (trace_id, tool, at) are of the scope and a day more, `scores` (trace_id, span_id, score, at, mean) of all
    time since it began; `at` in UTC nanoseconds.
    """

    scope: Scope
    window: Window
    tools: pl.DataFrame
    scores: pl.DataFrame

    def holds(self, scope: Scope) -> bool:
        """Whether windows of this scope can be had from here."""
        within = self.scope.start <= scope.start and scope.end <= self.scope.end
        return within and scope.project == self.scope.project and set(scope.filters) <= _FILTERS

    def of(self, engine: Engine, scope: Scope, salt: str, *, vectors: bool) -> Window:
        """As `drift_calls.window`: the calls of a scope, or of a sample of its sessions; with their vectors or none."""
        low, high = np.searchsorted(self.window.frame["start"].to_numpy(), [_ns(scope.start), _ns(scope.end)]).tolist()
        part = self.window.frame.slice(low, high - low)
        wanted = [pl.col(name.value).is_in(list(values)) for name, values in scope.filters.items() if values]
        kept = part.select(pl.all_horizontal(pl.lit(value=True), *wanted)).to_series().to_numpy()
        kept = np.broadcast_to(kept, high - low).copy()
        counted = int(kept.sum())
        among = max(1, -(-counted // MOST))
        if among > 1:
            kept &= _hashed(part["block"].to_numpy(), _salt(engine, salt)) % np.uint64(among) == 0
        rows = low + np.flatnonzero(kept)
        frame = self.window.frame[rows]
        if not vectors:
            return Window(frame, np.zeros((0, 0), np.float32), np.zeros(len(rows), bool), counted, among, salt)
        embedded = self.window.embedded[rows]
        places = np.cumsum(self.window.embedded)[rows[embedded]] - 1
        return Window(frame, self.window.vectors[places], embedded, counted, among, salt)

    def columns(self, scope: Scope, read: Window) -> pl.DataFrame:
        """As `drift_columns.columns`, of a window from here."""
        traces, since = read.frame.select("trace_id").unique(), _ns(scope.start)
        ran = self.tools.filter(pl.col("at") >= since, pl.col("at") < _ns(scope.end) + _DAY_NS)
        tools = (
            ran.join(traces, on="trace_id", how="semi")
            .group_by("trace_id")
            .agg(pl.col("tool").unique().sort().str.join(", ").alias("tools"))
        )
        said = self.scores.filter(pl.col("at") >= since).join(traces, on="trace_id", how="semi")
        return drift_columns.beside(
            read.frame, tools, said.group_by("trace_id", "span_id", "score", maintain_order=True).agg(pl.mean("mean"))
        )


def hold(engine: Engine, scope: Scope, model: str = "", dimensions: int = 0, room: int = ROOM) -> Held | None:
    """All calls of a scope, with lengths, and with vectors of one model where it is named; None where they are none, or
    would take more than about `room` bytes."""
    parts = drift_calls.parts(scope)
    calls, *more = engine.rows(drift_calls.filled("drift_held_count", parts), scope.params(among=1, salt=""))[0]
    if not calls or calls * (_CALL + 4 * dimensions) + sum(more) * _BESIDE > room:
        return None
    read = drift_calls.window(engine, scope, model, dimensions, among=1)
    frame = drift_columns.lengths(engine, scope, read)
    return Held(
        scope,
        replace(read, frame=frame),
        _strings(engine.query(load("drift_held_tools"), scope.params())),
        _strings(engine.query(load("drift_held_scores"), scope.params())),
    )


def _strings(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def _salt(engine: Engine, salt: str) -> np.uint64:
    return np.uint64(engine.rows(load("drift_salt"), {"salt": salt})[0][0])


def _hashed(blocks: Hashes, salt: np.uint64) -> Hashes:
    """The engine's cityHash64 of a block and a salt whose own hash is known."""
    value = blocks.astype(np.uint64) ^ np.uint64(0x4CF2D2BAAE6DA887)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        value = (value ^ value >> np.uint64(33)) * np.uint64(factor)
    value ^= value >> np.uint64(33)
    factor, shift = np.uint64(0x9DDFEA08EB382D69), np.uint64(47)
    low = (value ^ salt) * factor
    high = ((low ^ low >> shift) ^ salt) * factor
    return (high ^ high >> shift) * factor


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1_000
