"""Calls of a window as drift tests take them: whole sessions, with what was measured of each and its vector."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from string import Template
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spanledger_store.engine import Engine
from spanledger_store.scope import Dimension, Scope
from spanledger_store.sql import load

MOST: Final = 8_000
"""About as many calls are read of a window, whole sessions of them chosen by the hash of their names."""
KEY: Final = ("start", "trace_id", "span_id")
"""What names a call; `start` in UTC nanoseconds."""
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """Calls in order of time, `among` of how many sessions one was taken (with `salt`), and the calls there are in all.

    `frame`: start (UTC nanoseconds), trace_id, span_id, block (the session's hash), customer, feature, model,
    finish_reason, status, environment, release, prompt_version, prompt_tokens, completion_tokens, duration_ns, ttft_ns,
    cost_usd, input_preview; unknown is null. `vectors` are those of the rows for which `embedded`, in their order.
    """

    frame: pl.DataFrame
    vectors: Floats
    embedded: NDArray[np.bool_]
    calls: int
    among: int
    salt: str = ""


def window(
    engine: Engine,
    scope: Scope,
    model: str = "",
    dimensions: int = 0,
    most: int = MOST,
    among: int | None = None,
    salt: str = "",
) -> Window:
    """The calls of a scope that asked something, with the vectors of one model where it is named.

    `among` chooses one of so many sessions, instead of as many as leave about `most` calls; another `salt`, another
    sample of them: looks that are to be independent must not read the same one again.
    """
    pieces = parts(scope)
    counted = int(engine.rows(filled("drift_count", pieces), scope.params(among=1, salt=salt))[0][0])
    chosen = among or max(1, -(-counted // most))
    params = scope.params(among=chosen, salt=salt, model=model, dimensions=dimensions)
    frame = engine.query(filled("drift_calls", pieces), params)
    frame = frame.with_columns(pl.col(pl.Categorical).cast(pl.String))
    if not model:
        return Window(frame, np.zeros((0, 0), np.float32), np.zeros(len(frame), bool), counted, chosen, salt)
    found = engine.query(filled("drift_vectors", pieces), params)
    held = frame.select(KEY).with_row_index("row").join(found.with_row_index("at"), on=KEY, how="inner").sort("row")
    embedded = np.zeros(len(frame), bool)
    embedded[held["row"].to_numpy()] = True
    flat = found["vector"].explode(empty_as_null=False, keep_nulls=False).to_numpy()
    vectors = np.asarray(flat, np.float32).reshape(len(found), dimensions)[held["at"].to_numpy()]
    return Window(frame, vectors, embedded, counted, chosen, salt)


def clusters(engine: Engine, scope: Scope, read: Window, codebook: str) -> NDArray[np.int64]:
    """The cluster of each row of a scope's window, 0 for none, -1 for what has not been assigned."""
    found = asked_of(engine, "drift_clusters", scope, read, codebook=codebook)
    joined = read.frame.select(KEY).join(found, on=KEY, how="left", maintain_order="left")
    return joined["cluster"].cast(pl.Int64).fill_null(-1).to_numpy()


def first_vector(engine: Engine, project: str, model: str, since: datetime) -> datetime | None:
    """When the first call was made that has a vector of the model, from a moment on; None where there is none."""
    params = {"project": project, "model": model, "since": since}
    first, calls = engine.rows(load("drift_first"), params)[0]
    return first.replace(tzinfo=UTC) if calls else None


def first_call(engine: Engine, project: str, since: datetime) -> datetime | None:
    """When the first call was made, from a moment on; None where there is none."""
    first, calls = engine.rows(load("drift_first_call"), {"project": project, "since": since})[0]
    return first.replace(tzinfo=UTC) if calls else None


def slices(engine: Engine, scope: Scope, dimension: Dimension, least: int, limit: int) -> list[str]:
    """Values of a dimension with at least so many sessions in the scope, the most first."""
    sql = filled("drift_slices", parts(scope) | {"column": f"`{dimension.value}`"})
    return [str(row[0]) for row in engine.rows(sql, scope.params(among=1, salt="", least=least, limit=limit))]


def asked_of(engine: Engine, query: str, scope: Scope, read: Window, **more: Any) -> pl.DataFrame:
    """What a named query knows of the calls of a scope's window."""
    found = engine.query(filled(query, parts(scope)), scope.params(among=read.among, salt=read.salt, **more))
    return found.with_columns(pl.col(pl.Categorical).cast(pl.String))


def parts(scope: Scope) -> dict[str, str]:
    """What the queries about a scope's calls are made of, for `filled`."""
    block = load("drift_block")
    where = " AND ".join(["true", *scope.conditions()])
    return {"block": block, "chosen": Template(load("drift_chosen")).substitute(block=block, where=where)}


def filled(name: str, pieces: dict[str, Any]) -> str:
    """A named query with its fragments in place."""
    return Template(load(name)).substitute(pieces)
