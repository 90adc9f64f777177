"""From spool to store: one thread turns requests into rows while another writes the rows before it."""

from __future__ import annotations

import hashlib
import logging
import queue
import random
import sqlite3
import threading
import time
from dataclasses import dataclass, field

import zstandard
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanledger_collector.errors import Busy
from spanledger_collector.metrics import Metrics
from spanledger_collector.normalise import Origin, Unreadable, normalise
from spanledger_collector.settings import CollectorSettings
from spanledger_collector.spool import Entry, Spool
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, quarantine
from spanledger_store.engine import Engine
from spanledger_store.errors import QueryError, StoreError
from spanledger_store.writer import write

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 15.0


@dataclass(slots=True)
class Work:
    """Rows on their way to the store, the spool entries they came from, and what could not become a row."""

    entries: list[Entry]
    batch: SpanBatch
    failed: list[tuple[str, Unreadable]] = field(default_factory=list[tuple[str, Unreadable]])


class Pipeline:
    """Drains the spool for as long as it runs.

    An entry leaves the spool only after its spans are in the store, or in quarantine. A store that is away is
    waited for; a row it refuses is set aside alone, and the line goes on.
    """

    def __init__(
        self, engine: Engine, control: Control, spool: Spool, metrics: Metrics, settings: CollectorSettings
    ) -> None:
        self._engine = engine
        self._control = control
        self._spool = spool
        self._metrics = metrics
        self._settings = settings
        self._ready: queue.Queue[Work | None] = queue.Queue(maxsize=1)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._abandon = threading.Event()
        self.last_error: str | None = None
        self._threads = [
            threading.Thread(target=self._read_loop, name="pipeline-read", daemon=True),
            threading.Thread(target=self._write_loop, name="pipeline-write", daemon=True),
        ]

    def start(self) -> None:
        """Begin draining; entries left by an earlier process come first."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Say that the spool has something new."""
        self._wake.set()

    def stop(self, timeout: float) -> None:
        """Drain what the spool holds, for at most `timeout` seconds; the rest stays spooled."""
        deadline = time.monotonic() + timeout
        self._stopping.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._abandon.set()
        for thread in self._threads:
            thread.join(5)

    def _read_loop(self) -> None:
        after = 0
        while not self._abandon.is_set():
            try:
                entries = self._spool.take(after, self._settings.batch_spans)
            except sqlite3.Error as error:
                self.last_error = f"the spool cannot be read: {error}"
                logger.exception("the spool cannot be read")
                self._abandon.wait(LONGEST_PAUSE)
                continue
            if not entries:
                if self._stopping.is_set():
                    break
                self._wake.wait(1.0)
                self._wake.clear()
                self._linger()
                continue
            after = entries[-1].id
            self._hand_over(self._prepare(entries))
        self._hand_over(None)

    def _linger(self) -> None:
        """Give a small batch a moment to grow: inserts cost nearly the same for one row and for a thousand."""
        until = time.monotonic() + self._settings.linger_seconds
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            if self._spool.stats().spans >= self._settings.batch_spans:
                break
            time.sleep(min(left, 0.05))

    def _hand_over(self, work: Work | None) -> None:
        while not self._abandon.is_set():
            try:
                self._ready.put(work, timeout=0.2)
            except queue.Full:
                continue
            return

    def _prepare(self, entries: list[Entry]) -> Work:
        token = hashlib.blake2b(b"".join(entry.hash for entry in entries), digest_size=16).hexdigest()
        work = Work(entries, SpanBatch(token))
        for entry in entries:
            try:
                request = ExportTraceServiceRequest.FromString(entry.body())
            except (zstandard.ZstdError, DecodeError) as error:
                detail = f"the spool's copy of a request cannot be read: {error}"
                self._quarantine(entry.project, "damaged_spool", detail, entry.packed, entry.spans)
                continue
            origin = Origin(entry.project, entry.key, entry.received_at)
            failed = normalise(request, origin, work.batch, self._settings.max_content_chars)
            work.failed.extend((entry.project, item) for item in failed)
        return work

    def _write_loop(self) -> None:
        undone: list[Entry] = []
        while (work := self._next()) is not None:
            if self._store(work.batch) and self._set_aside(work.failed):
                undone.extend(work.entries)
            try:
                if undone:
                    self._spool.done(undone)
                    undone.clear()
            except Busy as error:
                # Stored, but not forgotten: storing it again after a restart would change nothing.
                self.last_error = str(error)

    def _next(self) -> Work | None:
        while True:
            try:
                return self._ready.get(timeout=0.2)
            except queue.Empty:
                if self._abandon.is_set():
                    return None

    def _store(self, batch: SpanBatch) -> bool:
        """True once every span of the batch is stored or in quarantine; False when told to give up waiting."""
        pause = 0.1
        while True:
            try:
                with self._metrics.write.time():
                    write(self._engine, self._control, batch)
            except QueryError as error:
                return self._isolate(batch, str(error))
            except Exception as error:
                self.last_error = f"{type(error).__name__}: {error}"
                self._metrics.retries.inc()
                log = logger.warning if isinstance(error, StoreError) else logger.exception
                log(
                    "the store did not take %d spans, trying again in %.1f s: %s",
                    len(batch.spans),
                    pause,
                    error,
                )
                if self._abandon.wait(pause * random.uniform(0.7, 1.3)):  # noqa: S311 - jitter, not secrets
                    return False
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                self.last_error = None
                self._metrics.stored.inc(len(batch.spans))
                return True

    def _isolate(self, batch: SpanBatch, reason: str) -> bool:
        """Halve a refused batch until the row that spoils it stands alone, and put that row in quarantine."""
        if len(batch.spans) > 1:
            middle = len(batch.spans) // 2
            keys = [{row[:3] for row in part} for part in (batch.spans[:middle], batch.spans[middle:])]
            halves = [
                SpanBatch(
                    f"{batch.token}-{index}",
                    part,
                    [row for row in batch.content if row[:3] in keys[index]],
                    [row for row in batch.embeddings if row[:3] in keys[index]],
                )
                for index, part in enumerate((batch.spans[:middle], batch.spans[middle:]))
            ]
            stored = [self._store(half) for half in halves]
            return all(stored)
        project, trace_id, span_id = batch.spans[0][:3]
        logger.error("span %s of trace %s was refused by the store: %s", span_id, trace_id, reason)
        payload = repr((batch.spans, batch.content)).encode()
        detail = f"trace {trace_id} span {span_id}: {reason[:1000]}"
        return self._quarantine(project, "refused_by_store", detail, payload)

    def _set_aside(self, failed: list[tuple[str, Unreadable]]) -> bool:
        return all(
            self._quarantine(project, "unreadable_span", item.reason, item.request.SerializeToString())
            for project, item in failed
        )

    def _quarantine(self, project: str, reason: str, detail: str, payload: bytes, spans: int = 1) -> bool:
        while True:
            try:
                quarantine.add(
                    self._control,
                    project_id=project,
                    reason=reason,
                    detail=detail,
                    span_count=spans,
                    payload=payload,
                )
            except Exception:
                logger.exception("the quarantine cannot be written")
                if self._abandon.wait(1.0):
                    return False
            else:
                self._metrics.quarantined.inc(spans)
                return True
