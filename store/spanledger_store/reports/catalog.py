"""What there is: projects, the values of dimensions, names that match a text."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from spanledger_store.engine import Engine
from spanledger_store.sql import load


def projects(engine: Engine) -> list[str]:
    """Projects that have calls, by name."""
    return engine.query(load("projects"))["project"].to_list()


def latest_span(engine: Engine, project: str) -> datetime | None:
    """When the newest span of the project began; None where it has never had one."""
    rows = engine.rows(load("latest_span"), {"project": project})
    return rows[0][0].replace(tzinfo=UTC) if rows else None


def first_hour(engine: Engine, project: str) -> datetime | None:
    """The first hour in the project's books; None where there is none."""
    rows = engine.rows(load("first_hour"), {"project": project})
    return rows[0][0].replace(tzinfo=UTC) if rows else None


def values(engine: Engine, project: str, text: str, limit: int = 20) -> pl.DataFrame:
    """Customers, features and models whose name contains `text`: `dimension`, `label`, `cost`, the dearest first."""
    return engine.query(load("values_search"), {"project": project, "text": text, "limit": limit})


def traces_named(engine: Engine, project: str, prefix: str, limit: int = 5) -> list[str]:
    """Trace ids that begin with `prefix`."""
    frame = engine.query(load("traces_named"), {"project": project, "prefix": prefix.lower(), "limit": limit})
    return frame["trace_id"].to_list()
