"""Spool entries, made into bytes for the store: the costly half of the line."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import zstandard
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanledger.pricebook import Book, Sealed
from spanledger_collector.normalise import Origin, normalise
from spanledger_collector.normalise.logs import normalise_logs
from spanledger_collector.normalise.metrics import normalise_metrics
from spanledger_collector.spool import RESERVE, Entry
from spanledger_store.columns import SpanBatch
from spanledger_store.native import Encoded, Types, encode
from spanledger_store.signals import SignalBatch

logger = logging.getLogger(__name__)

Request = TypeVar("Request", bound=Message)

# So many spans are Python objects at once; a larger batch becomes bytes in turns.
SPANS_AT_ONCE = 2000
# Bytes of a disk that prepared batches leave free: what the spool keeps for its own work, and as much again.
ROOM = 2 * RESERVE


@dataclass(frozen=True, slots=True)
class Reject:
    """What could not become a row, as quarantine takes it; `spans` counts items of its signal."""

    project: str
    reason: str
    detail: str
    spans: int
    payload: bytes
    signal: str = "traces"


@dataclass(slots=True)
class Prepared:
    """Entries with what they became. `encoded` is None where a value did not fit its column's type.

    `beside` holds the rows of logs and metrics; None where no entry is of those. `book` is what it was priced by.
    """

    entries: Sequence[Entry]
    encoded: Encoded | None
    rejects: list[Reject] = field(default_factory=list[Reject])
    beside: SignalBatch | None = None
    book: Sealed | None = None

    def discard(self) -> None:
        """Remove the files that hold the bytes, where files do."""
        for payload in self.encoded.payloads.values() if self.encoded else ():
            if isinstance(payload, Path):
                payload.unlink(missing_ok=True)


def rows_of(entries: Sequence[Entry], limit: int, sealed: Sealed | None = None) -> tuple[SpanBatch, list[Reject]]:
    """The rows of those entries that are spans, priced by the book, and what of them could not become any."""
    batch, rejects = SpanBatch(_token(entries)), list[Reject]()
    book: Book | None = sealed.open() if sealed is not None else None
    for entry in entries:
        if entry.signal != "traces":
            continue
        request = _read(entry, ExportTraceServiceRequest, rejects)
        if request is None:
            continue
        origin = Origin(entry.project, entry.key, entry.received_at)
        for failed in normalise(request, origin, batch, limit, book):
            payload = failed.request.SerializeToString()
            rejects.append(Reject(entry.project, "unreadable_span", failed.reason, 1, payload))
    return batch, rejects


def rows_beside(entries: Sequence[Entry], limit: int) -> tuple[SignalBatch, list[Reject]]:
    """The rows of those entries that are logs or metrics, and what of them could not become any."""
    batch, rejects = SignalBatch(_token(entries)), list[Reject]()
    for entry in entries:
        origin = Origin(entry.project, entry.key, entry.received_at)
        if entry.signal == "logs":
            logs = _read(entry, ExportLogsServiceRequest, rejects)
            failed = normalise_logs(logs, origin, batch, limit) if logs is not None else []
        elif entry.signal == "metrics":
            points = _read(entry, ExportMetricsServiceRequest, rejects)
            failed = normalise_metrics(points, origin, batch) if points is not None else []
        else:
            continue
        reason = f"unreadable_{entry.signal.removesuffix('s')}"
        rejects.extend(Reject(entry.project, reason, each.reason, 1, each.payload, entry.signal) for each in failed)
    return batch, rejects


def _token(entries: Sequence[Entry]) -> str:
    return hashlib.blake2b(b"".join(entry.hash for entry in entries), digest_size=16).hexdigest()


def _read(entry: Entry, kind: type[Request], rejects: list[Reject]) -> Request | None:
    try:
        return kind.FromString(entry.body())
    except (zstandard.ZstdError, DecodeError) as error:
        detail = f"the spool's copy of a request cannot be read: {error}"
        rejects.append(Reject(entry.project, "damaged_spool", detail, entry.spans, entry.packed, entry.signal))
        return None


def prepare(
    entries: Sequence[Entry], limit: int, types: Types, directory: Path | None = None, book: Sealed | None = None
) -> Prepared:
    """The entries as Native bytes, or as rows where they are no spans; in files of `directory`, where one is given."""
    encoded, rejects = _encoded(entries, limit, types, directory, book)
    beside = None
    if any(entry.signal != "traces" for entry in entries):
        beside, unread = rows_beside(entries, limit)
        rejects += unread
    return Prepared(entries, encoded, rejects, beside, book)


def _encoded(
    entries: Sequence[Entry], limit: int, types: Types, directory: Path | None, book: Sealed | None
) -> tuple[Encoded | None, list[Reject]]:
    blocks = _Blocks(directory)
    rejects: list[Reject] = []
    hours: set[tuple[str, datetime]] = set()
    spans = 0
    try:
        for group in _groups(entries):
            batch, unread = rows_of(group, limit, book)
            for table, block in encode(batch, types).items():
                blocks.add(table, block)
            spans += len(batch.spans)
            hours |= batch.hours()
            rejects += unread
        return Encoded(_token(entries), spans, frozenset(hours), blocks.payloads()), rejects
    except Exception:
        logger.exception("a batch could not be encoded; its rows are written one block at a time")
        blocks.discard()
        return None, rows_of(entries, limit, book)[1]


class _Blocks:
    """A batch's blocks by table: in memory, or in files of a directory as long as its disk has room to spare."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._held: dict[str, list[bytes]] = {}
        self._files: dict[str, Path] = {}

    def add(self, table: str, block: bytes) -> None:
        if self._directory is not None and shutil.disk_usage(self._directory).free < ROOM + len(block):
            # What is needed to work off the spool must not be used up by working it off.
            self._directory = None
            self._held = {name: [path.read_bytes()] for name, path in self._files.items()}
            self.discard()
        if self._directory is None:
            self._held.setdefault(table, []).append(block)
            return
        if table not in self._files:
            descriptor, name = tempfile.mkstemp(".native", f"{table}-", self._directory)
            os.close(descriptor)
            self._files[table] = Path(name)
        with self._files[table].open("ab") as file:
            file.write(block)

    def payloads(self) -> dict[str, bytes | Path]:
        held = {table: b"".join(blocks) for table, blocks in self._held.items()}
        return {**held, **self._files}

    def discard(self) -> None:
        for path in self._files.values():
            path.unlink(missing_ok=True)
        self._files = {}


def _groups(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    group: list[Entry] = []
    spans = 0
    for entry in entries:
        if entry.signal != "traces":
            continue
        if group and spans + entry.spans > SPANS_AT_ONCE:
            yield group
            group, spans = [], 0
        group.append(entry)
        spans += entry.spans
    if group:
        yield group
