"""A project as Parquet files, one per table and month, and back: exact, and in memory a page at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Context, Decimal
from importlib.metadata import version
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spanledger_store import audit, ledger
from spanledger_store.control import Control, dirty, projects
from spanledger_store.control.exclusive import exclusively
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreError
from spanledger_store.lifecycle.backup import digest
from spanledger_store.lifecycle.manifest import write as write_manifest
from spanledger_store.sql import load

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
PAGE: Final = 20_000
_EXACT: Final = Context(prec=60)
_NO_PARAMETERS: Final[Mapping[str, Any]] = MappingProxyType({})
_SLICE: Final = (
    "hour", "customer", "feature", "team", "provider", "model", "prompt_name", "prompt_version", "environment",
    "release",
)  # fmt: skip
Progress = Callable[[str, int, int], None]
"""Told what is being done, rows done, and rows in all."""


class ExportInvalid(StoreError):
    """A directory that cannot be written to, or that holds no export this release can read; the message says why."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One table of an export: the view it is read from, the table it goes to (none: it is recomputed), its key."""

    view: str
    table: str
    key: Sequence[str]
    # Columns whose types Parquet has not: how they are read, and how they are written where the engine does not know.
    casts: Mapping[str, tuple[str, str]]

    @property
    def time(self) -> str:
        """The column that says which month a row belongs to, the first of the key."""
        return self.key[0]


_SPAN = ("start_time", "trace_id", "span_id")
_DIGEST = "AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), UInt64)"
_STATES = {name: (f"hex({name})", f"CAST(unhex({name}) AS {_DIGEST})") for name in ("duration_digest", "ttft_digest")}
DATASETS: Final = (
    Dataset("span_content", "span_content_rows", _SPAN, {}),
    Dataset(
        "embeddings",
        "embedding_rows",
        (*_SPAN, "model"),
        {"vector": ("CAST(vector AS Array(Float32))", "")},
    ),
    Dataset("scores", "score_rows", ("time", "trace_id", "span_id", "name", "source"), {}),
    # Before the spans they know, so that none of those counts twice in between.
    Dataset("frozen", "frozen_rows", (*_SLICE, "id"), _STATES),
    Dataset("spans", "span_rows", _SPAN, {}),
    Dataset("ledger", "", _SLICE, {}),
    Dataset("bills", "bill_rows", ("day", "provider", "id"), {}),
    Dataset("revenue", "revenue_rows", ("month", "customer", "reference"), {}),
)


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a project: everything, or what began in [start, end), full UTC hours."""

    project: str
    start: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    end: datetime = datetime(2105, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Money:
    calls: int = 0
    cost: Decimal = Decimal(0)

    def add(self, view: str, page: pa.Table) -> None:
        """Count a page of spans or of frozen books."""
        column = "call_count" if view == "spans" else "calls"
        frame = frame_of(page.select([column, "cost_usd"] + ["is_billable"] * (view == "spans")))
        if view == "spans":
            frame = frame.filter(pl.col("is_billable"))
        self.calls += int(frame[column].sum())
        for amount in frame["cost_usd"]:
            self.cost = _EXACT.add(self.cost, amount or Decimal(0))


def export(
    engine: Engine, control: Control, selection: Selection, target: Path, progress: Progress = lambda *_: None
) -> dict[str, Any]:
    """Write a project into the new directory `target`; its manifest, which is written last.

    Files are TABLE/month=YYYY-MM.parquet; money is Decimal and time nanoseconds in them. Spans may arrive meanwhile.
    Raises ExportInvalid, ProjectUnknown, Occupied or StoreError.
    """
    projects.get(control, selection.project)
    if target.exists() and any(target.iterdir()):
        raise ExportInvalid(f"{target} is not empty; name a new directory.")
    if selection.start >= selection.end:
        raise ExportInvalid(f"the export would end at {selection.end:%Y-%m-%d %H:%M}, before it begins. Swap them.")
    for moment in (selection.start, selection.end):
        if moment.astimezone(UTC).minute or moment.second or moment.microsecond:
            raise ExportInvalid(f"{moment.isoformat()} is not on a full hour, and books are kept by the hour.")
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    files: dict[str, dict[str, Any]] = {}
    money = _Money()
    # What moves money from spans to frozen books must not run between the two.
    with exclusively(control):
        held = {each.view: months(engine, each, selection) for each in DATASETS}
        total = sum(count for found in held.values() for count in found.values())
        done = 0
        for each in DATASETS:
            for month in held[each.view]:
                name = f"{each.view}/month={month[:4]}-{month[4:]}.parquet"
                writer: pq.ParquetWriter | None = None
                rows = 0
                try:
                    for page in pages(engine, each, selection, month):
                        if writer is None:
                            (target / name).parent.mkdir(exist_ok=True)
                            writer = pq.ParquetWriter(target / name, page.schema, compression="zstd")
                        writer.write_table(page)
                        if each.view in ("spans", "frozen"):
                            money.add(each.view, page)
                        rows += page.num_rows
                        done += page.num_rows
                        progress(f"writing {each.view}", done, total)
                finally:
                    if writer is not None:
                        writer.close()
                if rows:
                    files[name] = {
                        "rows": rows,
                        "bytes": (target / name).stat().st_size,
                        "sha256": digest(target / name),
                    }
    rows_of = {
        each.view: sum(f["rows"] for n, f in files.items() if n.startswith(f"{each.view}/")) for each in DATASETS
    }
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "spanledger": version("spanledger"),
        "written": datetime.now(UTC).isoformat(),
        "project": selection.project,
        "from": selection.start.isoformat(),
        "to": selection.end.isoformat(),
        "rows": rows_of,
        "calls": money.calls,
        "cost_usd": f"{money.cost:f}",
        "files": files,
    }
    write_manifest(target / MANIFEST, manifest)
    return manifest


def read_manifest(source: Path) -> dict[str, Any]:
    """The manifest of an export whose files are all there and undamaged. Raises ExportInvalid naming the first bad."""
    try:
        manifest: dict[str, Any] = json.loads((source / MANIFEST).read_text(encoding="utf-8"))
        files: Mapping[str, Mapping[str, Any]] = manifest["files"]
        shape = int(manifest["format"])
    except FileNotFoundError as error:
        raise ExportInvalid(
            f"{source} has no {MANIFEST}: it is no export of a project, or one that was cut short."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ExportInvalid(f"{source / MANIFEST} cannot be read: {error!r}. Use another copy of it.") from error
    if shape > FORMAT:
        raise ExportInvalid(
            f"{source} has format {shape}, made by Spanledger {manifest['spanledger']}; this release reads {FORMAT}. "
            "Upgrade Spanledger."
        )
    for name, known in sorted(files.items()):
        path = source / name
        if not path.is_file():
            raise ExportInvalid(f"{path} is missing. Use another copy of the export.")
        if path.stat().st_size != known["bytes"] or digest(path) != known["sha256"]:
            raise ExportInvalid(f"{path} is damaged: its SHA-256 is another. Use another copy of the export.")
    return manifest


def load_export(
    engine: Engine,
    control: Control,
    source: Path,
    *,
    project: str | None,
    interface: str,
    progress: Progress = lambda *_: None,
) -> dict[str, Any]:
    """Store an export, under another project where one is named; what was read, and the books of its hours after it.

    Idempotent: rows keep their identity and version, so that importing again changes nothing, and a newer version
    of a span that is here already stays. The ledger is recomputed, not copied. Raises ExportInvalid, ProjectInvalid,
    Occupied or StoreError.
    """
    manifest = read_manifest(source)
    name = projects.ensure(control, project or manifest["project"]).id
    action = audit.Action("import", name, "", interface)
    hours: set[datetime] = set()
    total, done = sum(int(each["rows"]) for each in manifest["files"].values()), 0
    with exclusively(control):
        audit.begin(engine, action)
        try:
            for each in DATASETS:
                for file in sorted(n for n in manifest["files"] if n.startswith(f"{each.view}/")):
                    for batch in pq.ParquetFile(source / file).iter_batches(PAGE):
                        page = pa.Table.from_batches([batch])
                        if each.table:
                            _insert(engine, each, page, name)
                        if each.view in ("spans", "frozen", "ledger"):
                            hours |= _hours(page.column(each.time))
                        done += page.num_rows
                        progress(f"reading {each.view}", done, total)
        finally:
            # Marked after they can be seen, and whatever has been written counts.
            marked = [(name, hour) for hour in sorted(hours)]
            dirty.mark(control, marked)
        ledger.recompute(engine, marked)
        calls, cost = _books(engine, name, sorted(hours))
        counts = {view: int(n) for view, n in manifest["rows"].items()}
        audit.finish(engine, action, counts, {"project": manifest["project"], "cost_usd": manifest["cost_usd"]})
    return {
        "project": name,
        "rows": counts,
        "calls": manifest["calls"],
        "cost_usd": manifest["cost_usd"],
        "ledger_calls": calls,
        "ledger_cost_usd": f"{cost:f}",
    }


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows of a table: a condition in SQL, and its parameters."""

    where: str = "true"
    params: Mapping[str, Any] = field(default_factory=lambda: _NO_PARAMETERS)


EVERYTHING: Final = Filter()


def months(engine: Engine, each: Dataset, selection: Selection, only: Filter = EVERYTHING) -> dict[str, int]:
    """The months in which the selection has rows, and how many."""
    sql = Template(load("export_months")).substitute(view=each.view, time=each.time, where=only.where)
    return {str(month): int(n) for month, n in engine.rows(sql, _bounds(selection) | dict(only.params))}


def _bounds(selection: Selection) -> dict[str, Any]:
    return {
        "project": selection.project,
        "start": int(selection.start.timestamp()),
        "end": int(selection.end.timestamp()),
    }


def pages(
    engine: Engine, each: Dataset, selection: Selection, month: str, only: Filter = EVERYTHING, limit: int = PAGE
) -> Iterator[pa.Table]:
    """The selection's rows of a month in the order of the key, never more than `limit` in memory."""
    after: dict[str, Any] = {}
    while True:
        found = page(engine, each, selection, month, only, after, limit)
        if found.num_rows:
            yield found
        if found.num_rows < limit:
            return
        after = {column: found.column(column)[-1] for column in each.key}


def page(
    engine: Engine, each: Dataset, selection: Selection, month: str, only: Filter, after: Mapping[str, Any], limit: int
) -> pa.Table:
    """The first `limit` rows of a month behind the one whose key is `after`; a table without rows has its columns."""
    replaced = ", ".join(f"{read} AS `{column}`" for column, (read, _) in each.casts.items())
    behind, given = _behind(each, after)
    sql = Template(load("export_page")).substitute(
        columns=f"* REPLACE ({replaced})" if replaced else "*",
        view=each.view,
        time=each.time,
        key=", ".join(each.key),
        behind=behind,
        where=only.where,
    )
    parameters = _bounds(selection) | {"month": int(month), "limit": limit}
    return engine.arrow(sql, parameters | dict(only.params) | given)


def _behind(each: Dataset, after: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The condition for rows behind the last one seen, and its parameters."""
    if not after:
        return "true", {}
    values: list[str] = []
    given: dict[str, Any] = {}
    for at, column in enumerate(each.key):
        scalar = after[column]
        if column == each.time:
            # Nanoseconds as a whole number: nothing is rounded on the way.
            given[f"k{at}"] = int(pc.cast(pc.cast(scalar, pa.timestamp("ns", "UTC")), pa.int64()).as_py())
            values.append(f"fromUnixTimestamp64Nano({{k{at}:Int64}}, 'UTC')")
        else:
            given[f"k{at}"] = scalar.as_py()
            values.append(f"{{k{at}:{'UInt64' if pa.types.is_integer(scalar.type) else 'String'}}}")
    return f"{each.time} >= {values[0]} AND ({', '.join(each.key)}) > ({', '.join(values)})", given


def _insert(engine: Engine, each: Dataset, page: pa.Table, project: str) -> None:
    at = page.schema.get_field_index("project_id")
    page = page.set_column(at, "project_id", pa.array([project] * page.num_rows, pa.string()))
    engine.insert_arrow(each.table, page, {column: write for column, (_, write) in each.casts.items() if write})


def _hours(column: pa.ChunkedArray) -> set[datetime]:
    times = frame_of(pa.table({"at": pc.cast(column, pa.timestamp("ns", "UTC"))}))["at"]
    return set(times.dt.truncate("1h").unique().to_list())


def frame_of(page: pa.Table) -> pl.DataFrame:
    """The page as a frame, without copying."""
    frame = pl.from_arrow(page)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _books(engine: Engine, project: str, hours: Sequence[datetime]) -> tuple[int, Decimal]:
    calls, cost = 0, Decimal(0)
    for at in range(0, len(hours), ledger.HOURS_PER_STATEMENT):
        chunk = hours[at : at + ledger.HOURS_PER_STATEMENT]
        found = engine.rows(load("export_books"), {"project": project, "hours": chunk})[0]
        calls, cost = calls + int(found[0]), _EXACT.add(cost, found[1])
    return calls, cost
