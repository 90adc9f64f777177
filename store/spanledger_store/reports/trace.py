"""One trace: its spans, what they carried, and what was said of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from spanledger_store.engine import Engine
from spanledger_store.sql import load

MAX_SPANS = 20_000


def spans(engine: Engine, project: str, trace: str, span: str = "") -> pl.DataFrame:
    """The trace's spans in order of time (`start_ns` in Unix nanoseconds), or only `span`; empty where none is."""
    return engine.query(load("trace_spans"), {"project": project, "trace": trace, "span": span, "limit": MAX_SPANS})


def outline(engine: Engine, project: str, trace: str) -> pl.DataFrame:
    """As `spans`, with only the columns that the waterfall draws: a trace may have thousands of spans."""
    return engine.query(load("trace_outline"), {"project": project, "trace": trace, "limit": MAX_SPANS})


@dataclass(frozen=True, slots=True)
class Content:
    """What one span carried. Messages are JSON texts or plain ones, as they came; '' where nothing was kept."""

    span_id: str
    input: str
    output: str
    system_instructions: str
    tool_definitions: str
    input_length: int
    output_length: int
    attributes: dict[str, str]
    resource: dict[str, str]
    scope_name: str
    scope_version: str
    events: str
    links: str


def contents(engine: Engine, project: str, trace: str, span: str = "") -> list[Content]:
    """What the trace's spans carried, or only `span`; content may have expired before its spans."""
    rows = engine.rows(load("span_content"), {"project": project, "trace": trace, "span": span, "limit": MAX_SPANS})
    return [Content(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class SpanMaps:
    """The open-ended parts of a span's slim row."""

    attributes: dict[str, str]
    metadata: dict[str, str]
    other_tokens: dict[str, int]


def maps(engine: Engine, project: str, trace: str, span: str) -> SpanMaps | None:
    """The span's attributes, metadata and rarer token classes; None where there is no such span."""
    rows: Any = engine.rows(load("span_maps"), {"project": project, "trace": trace, "span": span})
    return SpanMaps(*rows[0]) if rows else None


def scores(engine: Engine, project: str, trace: str) -> pl.DataFrame:
    """What was said of the trace (`span_id` = '') and its spans, newest first."""
    return engine.query(load("trace_scores"), {"project": project, "trace": trace, "limit": MAX_SPANS})
