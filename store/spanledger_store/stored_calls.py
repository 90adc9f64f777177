"""Stored calls as prices are computed from them, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from spanledger.pricebook import Slice
from spanledger.pricing import service_class
from spanledger.usage import Usage
from spanledger_store import ledger
from spanledger_store.engine import Engine
from spanledger_store.sql import load

BLOCK: Final = 20_000


@dataclass(frozen=True, slots=True)
class Period:
    """Which calls: those of a project that began in [start, end), of one customer and one model where given."""

    start: datetime
    end: datetime
    project: str = "default"
    customer: str = ""
    model: str = ""


def blocks(engine: Engine, period: Period) -> Iterator[list[dict[str, Any]]]:
    """The period's billable calls that may have a price, as `repricing_read` answers, in the order of the table's key.

    Calls whose spans have expired are none of them, nor are hits of the application's own cache.
    """
    # Each block is read after the last row of the one before, whatever is written in between.
    after = (nanoseconds(period.start), "", "")
    while rows := _read(engine, period, after):
        after = (rows[-1]["start_ns"], rows[-1]["trace_id"], rows[-1]["span_id"])
        yield rows


def expired_calls(engine: Engine, period: Period) -> int:
    """Calls of the hours that begin in the period whose spans have expired: they keep the prices they had."""
    parameters = {
        "project": period.project,
        "customer": period.customer,
        "model": period.model,
        "start": nanoseconds(period.start),
        "end": nanoseconds(period.end),
    }
    return int(engine.rows(load("repricing_expired"), parameters)[0][0])


def usage_of(row: Mapping[str, Any]) -> Usage:
    """What a row's calls used."""
    return Usage(
        row["input_tokens"],
        row["cache_read_tokens"],
        row["cache_write_tokens"],
        row["output_tokens"],
        row["reasoning_tokens"],
        dict(zip(row["other_names"], row["other_counts"], strict=True)),
    )


def slice_of(row: Mapping[str, Any], project: str) -> Slice:
    """What of a row decides which of the user's own prices it has."""
    service = service_class(row["service_tier"])
    return Slice(project, row["provider"], row["model"], row["customer"], row["feature"], service)


def moment_of(row: Mapping[str, Any]) -> datetime:
    """When a row's call began, to the second: as when it arrived."""
    return datetime.fromtimestamp(row["start_ns"] // 1_000_000_000, UTC)


def nanoseconds(moment: datetime) -> int:
    """A moment in UTC nanoseconds, exactly."""
    return int(moment.replace(microsecond=0).timestamp()) * 1_000_000_000 + moment.microsecond * 1000


def _read(engine: Engine, period: Period, after: tuple[int, str, str]) -> list[dict[str, Any]]:
    parameters = {
        "project": period.project,
        "customer": period.customer,
        "model": period.model,
        "start": after[0],
        "trace": after[1],
        "span": after[2],
        "end": nanoseconds(period.end),
        "limit": BLOCK,
    }
    sql = ledger.beside_frozen("repricing_read", load("repricing_period"))
    return engine.query(sql, parameters).to_dicts()
