"""Writing the ledger as a FOCUS dataset, a day at a time, as Parquet or CSV."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from spanledger_store.control import Control, projects
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreError
from spanledger_store.finance import focus
from spanledger_store.reports.books import books
from spanledger_store.reports.buckets import DAY, HOUR, Bucketing
from spanledger_store.scope import Dimension, Scope

BY: Final = (
    Dimension.CUSTOMER, Dimension.FEATURE, Dimension.TEAM, Dimension.PROVIDER, Dimension.MODEL, Dimension.ENVIRONMENT,
)  # fmt: skip
_EXACT: Final = Context(prec=80)
_DAY: Final = timedelta(days=1)
_UTC: Final = ZoneInfo("UTC")
Progress = Callable[[str, int, int], None]


class FocusInvalid(StoreError):
    """A period or a file that cannot be; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to write: whole UTC days [start, end) of a project, a charge period being a day or an hour.

    `account` is the billing account it is told under, the project's id where it is ''; `filters` narrow the calls.
    Raises FocusInvalid.
    """

    project: str
    start: datetime
    end: datetime
    target: Path
    hourly: bool = False
    account: str = ""
    filters: Mapping[Dimension, tuple[str, ...]] = field(default_factory=dict[Dimension, tuple[str, ...]])

    def __post_init__(self) -> None:
        for moment in (self.start, self.end):
            if moment.astimezone(UTC).timestamp() % DAY:
                raise FocusInvalid(f"{moment.isoformat()} is not midnight UTC, where charge periods and months begin.")
        if not self.start < self.end:
            raise FocusInvalid(f"the period would end at {self.end:%Y-%m-%d}, before it begins. Swap them.")
        if self.target.suffix not in (".parquet", ".csv"):
            raise FocusInvalid(f"{self.target.name} is neither .parquet nor .csv; name the file so.")


def write(engine: Engine, control: Control, wanted: Wanted, progress: Progress = lambda *_: None) -> dict[str, Any]:
    """Write the file; rows, and the sum of BilledCost, which is that of the ledger's lines, exactly.

    The file appears as a whole, in place of one of its name. The ledger must be up to date. Raises FocusInvalid,
    ProjectUnknown or StoreError.
    """
    projects.get(control, wanted.project)
    if not wanted.target.parent.is_dir():
        raise FocusInvalid(f"{wanted.target.parent} does not exist; make it, or name another directory.")
    fresh = wanted.target.with_name(f".{wanted.target.name}.{os.getpid()}")
    rows, cost, unpriced = 0, Decimal(0), 0
    days = (wanted.end - wanted.start) // _DAY
    bucketing = Bucketing(_UTC, step=HOUR if wanted.hourly else DAY)
    length = timedelta(hours=1) if wanted.hourly else _DAY
    try:
        with _writer(fresh, wanted.target.suffix) as give:
            for number in range(days):
                start = wanted.start + number * _DAY
                progress("writing days", number, days)
                scope = Scope(wanted.project, start, start + _DAY, wanted.filters)
                lines = books(engine, scope, BY, bucketing).rows(named=True)
                for line in lines:
                    cost = _EXACT.add(cost, line["cost_usd"])
                    unpriced += line["unpriced_calls"]
                page = focus.table(lines, length, wanted.account or wanted.project)
                rows += page.num_rows
                if page.num_rows:
                    give(page)
        fresh.replace(wanted.target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return {
        "file": str(wanted.target),
        "focus_version": focus.VERSION,
        "rows": rows,
        "billed_cost": f"{cost:f}",
        "unpriced_calls": unpriced,
    }


@contextmanager
def _writer(path: Path, suffix: str) -> Generator[Callable[[pa.Table], None]]:
    if suffix == ".parquet":
        with pq.ParquetWriter(path, focus.SCHEMA, compression="zstd") as parquet:
            yield parquet.write_table
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(focus.SCHEMA.names)

        def give(page: pa.Table) -> None:
            for row in page.to_pylist():
                out.writerow([_text(value) for value in row.values()])

        yield give


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
