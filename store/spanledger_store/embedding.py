"""Calls that have no vector yet, page by page, and writing those that were made for them.

for page in embedding.pages(engine, wanted):
    embedding.write(engine, "default", "lexical-v1-2026-03-01", page, vectors, probability=1.0)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from string import Template
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_store.columns import EMBEDDING_COLUMNS
from spanledger_store.engine import Engine
from spanledger_store.sql import load

PAGE: Final = 2_000
"""Calls in memory at a time; messages may be large."""
_LONGEST: Final = 8_192
_FIRST: Final = (0, "", "")


@dataclass(frozen=True, slots=True)
class Asked:
    """A call by its identity (start in UTC nanoseconds), what was asked, and the version of it that this is from."""

    start: int
    trace: str
    span: str
    text: str
    ingested: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Calls of [first, end) that are to get a vector of `model`, of sessions chosen with `probability`.

    `own` are the models that vectors are made by here; a call with a vector of any other needs none.
    """

    project: str
    first: datetime
    end: datetime
    model: str
    own: Sequence[str]
    probability: float


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour as it is: rows of spans, the newest arrival in nanoseconds, calls that might be embedded."""

    hour: datetime
    rows: int
    newest: int
    calls: int


def hours(engine: Engine, project: str, since: datetime) -> list[Hour]:
    """The hours of a project with calls since then, oldest first."""
    return listed(engine, "embedding_hours", {"project": project, "since": since})


def listed(engine: Engine, query: str, parameters: Mapping[str, Any]) -> list[Hour]:
    """The hours that a named query lists."""
    return [
        Hour(hour.replace(tzinfo=UTC), rows, newest, calls)
        for hour, rows, newest, calls in engine.rows(load(query), parameters)
    ]


def pages(engine: Engine, wanted: Wanted, limit: int = PAGE) -> Iterator[list[Asked]]:
    """Calls that need a vector and have words to make one of, in the order of their identity, a page at a time.

    A page may be empty where none of its calls says anything.
    """
    sql = Template(load("embedding_page")).substitute(chosen=load("embedding_chosen"))
    parameters = {
        "project": wanted.project,
        "first": wanted.first,
        "end": wanted.end,
        "model": wanted.model,
        "own": list(wanted.own),
        "probability": wanted.probability,
    }
    yield from _paged(engine, sql, parameters, limit)


def sample(engine: Engine, project: str, first: datetime, most: int) -> list[str]:
    """What up to `most` calls since then were asked: chosen by trace, the same for the same calls."""
    calls = sum(each.calls for each in hours(engine, project, first))
    parameters = {"project": project, "first": first, "among": max(1, -(-calls // most))}
    found: list[str] = []
    for page in _paged(engine, load("embedding_texts"), parameters, PAGE):
        found += [each.text for each in page]
        if len(found) >= most:
            break
    return found[:most]


def _paged(engine: Engine, sql: str, parameters: dict[str, Any], limit: int) -> Iterator[list[Asked]]:
    start, trace, span = _FIRST
    while True:
        more = {"start": start, "trace": trace, "span": span, "limit": limit}
        rows = engine.rows(sql, parameters | more)
        yield [
            Asked(row[0], row[1], row[2], text, row[4] if len(row) > 4 else 0)
            for row in rows
            if (text := asked(row[3]))
        ]
        if len(rows) < limit:
            return
        start, trace, span = rows[-1][:3]


def asked(messages: str) -> str:
    """The text of the last message of a user, or of all messages where none is: what a query is embedded by.

    '' for what holds no text. Content that is no list of messages is taken as it is.
    """
    try:
        listed: Any = json.loads(messages)
    except ValueError:
        return messages[:_LONGEST].strip()
    if not isinstance(listed, list):
        return (listed if isinstance(listed, str) else "")[:_LONGEST].strip()
    found = [each for each in listed if isinstance(each, dict)]
    for each in reversed(found):
        if each.get("role") == "user" and (text := _text(each)):
            return text[:_LONGEST]
    return "\n".join(filter(None, map(_text, found)))[:_LONGEST]


def _text(message: dict[str, Any]) -> str:
    parts = message.get("parts")
    held = parts if isinstance(parts, list) else []
    texts = [each.get("content") for each in held if isinstance(each, dict) and each.get("type") == "text"]
    return "\n".join(each for each in texts if isinstance(each, str)).strip()


def write(
    engine: Engine,
    project: str,
    model: str,
    calls: Sequence[Asked],
    vectors: NDArray[np.float32],
    probability: float,
) -> int:
    """Store the calls' vectors; how many have one. A row of zeros says nothing of its call and is left out.

    The same vectors written again are one: identity and model name a row. A vector has the version of what it was made
    of, so that deleting that finds it.
    """
    there: list[int] = np.flatnonzero(vectors.any(axis=1)).tolist()
    kept = [calls[at] for at in there]
    columns: dict[str, list[Any]] = {
        "project_id": [project] * len(kept),
        "trace_id": [each.trace for each in kept],
        "span_id": [each.span for each in kept],
        "start_time": [each.start for each in kept],
        "model": [model] * len(kept),
        "vector": [vectors[at].tolist() for at in there],
        "ingested_at": [each.ingested for each in kept],
        "probability": [probability] * len(kept),
    }
    assert set(EMBEDDING_COLUMNS) < set(columns)
    told = hashlib.blake2b(digest_size=16)
    for each in kept:
        told.update(f"{each.start} {each.trace} {each.span}\n".encode())
    engine.insert("embedding_rows", columns, f"vectors-{project}-{model}-{told.hexdigest()}")
    return len(kept)


@dataclass(frozen=True, slots=True)
class Model:
    """A model of a project's vectors: calls with one, what these stand for, its dimensions (None where they differ)."""

    model: str
    calls: int
    weight: float
    dimensions: int | None
    newest: datetime


def models(engine: Engine, project: str, first: datetime) -> list[Model]:
    """The models of a project's vectors since then, those with the most calls first."""
    rows = engine.rows(load("embedding_models"), {"project": project, "first": first})
    return [
        Model(model, calls, weight, least if least == most else None, newest)
        for model, calls, weight, least, most, newest in rows
    ]


def covered(engine: Engine, project: str, first: datetime) -> tuple[int, int]:
    """(calls since then that may have a vector, how many have one)."""
    row = engine.rows(load("embedding_covered"), {"project": project, "first": first})[0]
    return int(row[0]), int(row[1])
