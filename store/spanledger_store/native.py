"""Rows as ClickHouse's Native format, built apart from any connection: another process may do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.insert import InsertContext
from clickhouse_connect.driver.transform import NativeTransform

from spanledger_store.columns import CONTENT_COLUMNS, EMBEDDING_COLUMNS, SPAN_COLUMNS, SpanBatch
from spanledger_store.engine import Engine

# In the order they are written: money is read from the last one.
TABLES: Mapping[str, Sequence[str]] = {
    "span_content_rows": CONTENT_COLUMNS,
    "embedding_rows": EMBEDDING_COLUMNS,
    "span_rows": SPAN_COLUMNS,
}

Types = Mapping[str, Sequence[str]]
"""ClickHouse type names of each table's columns, in the order of `TABLES`."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Spans ready to be sent: for each table that gets rows, its Native blocks, or the file that holds them."""

    token: str
    spans: int
    hours: frozenset[tuple[str, datetime]]
    payloads: Mapping[str, bytes | Path]


def column_types(engine: Engine) -> Types:
    """The column types of the tables that spans are written to, as this database has them."""
    found: dict[str, Sequence[str]] = {}
    for table, names in TABLES.items():
        known = {row[0]: row[1] for row in engine.rows(f"DESCRIBE TABLE {table}")}
        found[table] = tuple(known[name] for name in names)
    return found


def encode(batch: SpanBatch, types: Types) -> dict[str, bytes]:
    """One Native block for each table that gets rows; blocks of one table may follow each other in one insert.

    Raises whatever a value raises that its column's type cannot hold.
    """
    rows = {"span_content_rows": batch.content, "embedding_rows": batch.embeddings, "span_rows": batch.spans}
    return {table: _block(table, types[table], held) for table, held in rows.items() if held}


def _block(table: str, types: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> bytes:
    context = InsertContext(
        table,
        TABLES[table],
        [get_from_name(name) for name in types],
        list(zip(*rows, strict=True)),
        column_oriented=True,
        block_size=len(rows),
    )
    block = b"".join(NativeTransform.build_insert(context))
    if context.insert_exception is not None:
        raise context.insert_exception
    # The driver puts the statement in front, as HTTP wants it.
    return block[block.index(b"\n") + 1 :]
