"""Writing spans: content first, then the rows that money is read from, then the hours to recompute."""

from __future__ import annotations

from spanledger_store.columns import CONTENT_COLUMNS, EMBEDDING_COLUMNS, SPAN_COLUMNS, SpanBatch, columnar
from spanledger_store.control import Control, dirty
from spanledger_store.engine import Engine
from spanledger_store.native import TABLES, Encoded


def write(engine: Engine, control: Control, batch: SpanBatch) -> None:
    """Store the batch; when this returns, its spans are visible and their hours will be recomputed.

    May be repeated after any failure, at any point: identity makes a repeated span one span, and an hour is marked
    only after its spans can be seen, so a mark never outruns what it stands for.
    """
    engine.insert("span_content_rows", columnar(CONTENT_COLUMNS, batch.content), batch.token)
    engine.insert("embedding_rows", columnar(EMBEDDING_COLUMNS, batch.embeddings), batch.token)
    engine.insert("span_rows", columnar(SPAN_COLUMNS, batch.spans), batch.token)
    dirty.mark(control, batch.hours())


def write_encoded(engine: Engine, control: Control, batch: Encoded) -> None:
    """Store a batch that was encoded elsewhere; the same guarantees as `write`."""
    for table, names in TABLES.items():
        if payload := batch.payloads.get(table):
            engine.insert_native(table, names, payload, batch.token)
    dirty.mark(control, batch.hours)
