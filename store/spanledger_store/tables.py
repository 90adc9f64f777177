"""Any table as a stream of CSV, Parquet or Arrow, whatever its size, in memory a page at a time.

    asked = Asked("spans", Form.CSV, Selection("default", start, end), {"customer": ["Acme"]})
    for chunk in chunks(engine, asked):
        file.write(chunk)

Numbers and moments are exact in every form: decimals are decimals (in CSV their digits), moments have nanoseconds.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from spanledger_store.engine import Engine
from spanledger_store.lifecycle.parquet import DATASETS, Dataset, ExportInvalid, Filter, Selection, months, page, pages
from spanledger_store.sql import load

_SPREAD: Final = (
    Dataset("logs", "", ("time", "digest"), {}),
    Dataset("metrics", "", ("time", "name", "series"), {}),
    Dataset("audit", "", ("at", "run"), {}),
    Dataset("findings", "", ("start", "kind", "id"), {}),
    Dataset("clusters", "", ("made_at", "codebook", "cluster"), {}),
    Dataset("assignments", "", ("start_time", "trace_id", "span_id"), {}),
)
TABLES: Final[Mapping[str, Dataset]] = MappingProxyType({each.view: each for each in (*DATASETS, *_SPREAD)})
"""What can be exported, by name."""
# Rows in memory at a time; messages may be large.
_PAGE: Final = 20_000
_PAGE_OF_CONTENT: Final = 1_000
_CONTENT: Final = frozenset({"span_content", "logs"})
_NO_FILTERS: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})
Progress = Callable[[str, int, int], None]


class Form(StrEnum):
    """How rows are written."""

    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"

    @property
    def media_type(self) -> str:
        """Its name on the Internet."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES: Final = {
    Form.CSV: "text/csv; charset=utf-8",
    Form.PARQUET: "application/vnd.apache.parquet",
    Form.ARROW: "application/vnd.apache.arrow.file",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows of which table, and how they are to be written; `where` is column -> the values it may have."""

    table: str
    form: Form
    selection: Selection
    where: Mapping[str, Sequence[str]] = field(default_factory=lambda: _NO_FILTERS)


def chunks(engine: Engine, asked: Asked, progress: Progress = lambda *_: None) -> Generator[bytes]:
    """The bytes of a file with every row asked for, oldest first, in the order of the table's key.

    Rows may arrive meanwhile; those behind the place that has been reached are in it. Raises ExportInvalid before the
    first chunk, StoreError at any.
    """
    each, only, schema = prepared(engine, asked)
    limit = _PAGE_OF_CONTENT if asked.table in _CONTENT else _PAGE
    held = months(engine, each, asked.selection, only)
    total, done = sum(held.values()), 0
    sink = _Sink()
    writer = _writer(asked.form, sink, schema)
    for month in held:
        for rows in pages(engine, each, asked.selection, month, only, limit):
            writer.write_table(rows.cast(schema))
            done += rows.num_rows
            progress(f"writing {asked.table}", done, total)
            yield sink.taken()
    writer.close()
    yield sink.taken()


def write(engine: Engine, asked: Asked, target: Path, progress: Progress = lambda *_: None) -> dict[str, int]:
    """Write the file `target`, which is there once it is whole; its rows and bytes. Raises ExportInvalid."""
    part = target.with_name(f"{target.name}.part")
    rows = 0

    def told(doing: str, done: int, total: int) -> None:
        nonlocal rows
        rows = done
        progress(doing, done, total)

    try:
        # What people asked their models may be in it: its owner's alone.
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for chunk in chunks(engine, asked, told):
                file.write(chunk)
        part.rename(target)
    except FileExistsError as error:
        raise ExportInvalid(f"{part} is there: another export writes it, or one was cut short; remove it.") from error
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ExportInvalid(f"{target} cannot be written: {error.strerror}.") from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return {"rows": rows, "bytes": target.stat().st_size}


def filters(texts: Sequence[str]) -> dict[str, list[str]]:
    """`COLUMN=VALUE` texts as `Asked.where`: values of one column are alternatives. Raises ExportInvalid."""
    found: dict[str, list[str]] = {}
    for text in texts:
        column, sign, value = text.partition("=")
        if not sign or not column:
            raise ExportInvalid(f"{text!r} is no filter; use COLUMN=VALUE, such as customer=Acme.")
        found.setdefault(column, []).append(value)
    return found


def prepared(engine: Engine, asked: Asked) -> tuple[Dataset, Filter, pa.Schema]:
    """What to read, by which condition, and into which columns.

    Raises ExportInvalid naming the table, column or stretch that cannot be.
    """
    each = TABLES.get(asked.table)
    if each is None:
        raise ExportInvalid(f"there is no table {asked.table!r} to export; choose from: {', '.join(sorted(TABLES))}.")
    if asked.selection.start >= asked.selection.end:
        start, end = (at.astimezone(UTC) for at in (asked.selection.start, asked.selection.end))
        raise ExportInvalid(f"the stretch ends at {end:%Y-%m-%d %H:%M}, not after its start {start:%Y-%m-%d %H:%M}.")
    types = {str(name): str(kind) for name, kind in engine.rows(load("table_columns"), {"table": each.view})}
    if asked.form is Form.CSV:
        casts = {name: (read, "") for name, kind in types.items() if (read := _as_text(name, kind))}
        each = replace(each, casts=casts)
    only = _filter(each, types, asked.where)
    # A page of nothing has the columns of all others.
    nothing = Filter(f"({only.where}) AND false", only.params)
    return each, only, page(engine, each, asked.selection, "197001", nothing, {}, 1).schema


def _filter(each: Dataset, types: Mapping[str, str], where: Mapping[str, Sequence[str]]) -> Filter:
    conditions: list[str] = []
    params: dict[str, Any] = {}
    for at, (column, values) in enumerate(where.items()):
        if column not in types:
            raise ExportInvalid(f"{each.view} has no column {column!r}; it has: {', '.join(types)}.")
        text = f"`{column}`" if types[column] in _TEXTS else f"toString(`{column}`)"
        conditions.append(f"{text} IN {{w{at}:Array(String)}}")
        params[f"w{at}"] = list(values)
    return Filter(" AND ".join(["true", *conditions]), params)


_TEXTS: Final = ("String", "LowCardinality(String)")


def _as_text(name: str, kind: str) -> str:
    """SQL that makes a column fit for CSV; '' where it is already."""
    inner = kind.removeprefix("Nullable(").removeprefix("LowCardinality(")
    if inner.startswith("Decimal"):
        return f"toString(`{name}`)"
    if inner.startswith("DateTime"):
        return f"concat(replaceOne(toString(`{name}`), ' ', 'T'), 'Z')"
    if inner.startswith(("Array", "Map", "Tuple")):
        return f"toJSONString(`{name}`)"
    if inner.startswith("AggregateFunction"):
        return f"hex(`{name}`)"
    return ""


class _Writer(Protocol):
    def write_table(self, table: pa.Table) -> None: ...
    def close(self) -> None: ...


def _writer(form: Form, sink: _Sink, schema: pa.Schema) -> _Writer:
    if form is Form.PARQUET:
        return pq.ParquetWriter(sink, schema, compression="zstd")
    if form is Form.ARROW:
        return pa.ipc.new_file(pa.PythonFile(sink, "w"), schema)
    return pa_csv.CSVWriter(pa.PythonFile(sink, "w"), schema)


class _Sink(io.RawIOBase):
    """A file that is only ever written to, and gives away what it has been given."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()
        self._at = 0

    def writable(self) -> bool:
        """True: it is for nothing else."""
        return True

    def write(self, data: Any, /) -> int:
        """Keep the bytes."""
        size = memoryview(data).nbytes
        self._held += data
        self._at += size
        return size

    def tell(self) -> int:
        """How many bytes have been written in all."""
        return self._at

    def taken(self) -> bytes:
        """What has been written since it was last asked."""
        held, self._held = bytes(self._held), bytearray()
        return held
