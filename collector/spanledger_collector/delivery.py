"""Into the store, whatever it takes: waiting for a store that is away, setting aside what it refuses."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from spanledger_collector.metrics import Metrics
from spanledger_collector.normalise.metrics import points_of
from spanledger_collector.prepare import Prepared, Reject, rows_beside, rows_of
from spanledger_collector.spool import Entry
from spanledger_collector.tally import Slot, slot
from spanledger_store import signals
from spanledger_store.columns import SPAN_COLUMNS, SpanBatch
from spanledger_store.control import Control, quarantine
from spanledger_store.engine import Engine
from spanledger_store.errors import QueryError, StoreError
from spanledger_store.signals import SignalBatch
from spanledger_store.writer import write, write_encoded

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 15.0
_SIGNALS = {"log_rows": "logs", "score_rows": "logs", "metric_rows": "metrics"}


class Delivery:
    """Delivers prepared batches, each span to the store or to quarantine, until told to give up."""

    def __init__(
        self, engine: Engine, control: Control, metrics: Metrics, limit: int, abandon: threading.Event
    ) -> None:
        self._engine = engine
        self._control = control
        self._metrics = metrics
        self._limit = limit
        self._abandon = abandon
        self._aside: Counter[Slot] = Counter()
        self.last_error: str | None = None

    def deliver(self, work: Prepared) -> Counter[Slot] | None:
        """How many items of `work` were set aside, once all others are stored; None when told to give up waiting."""
        self._aside = Counter()
        if not self._delivered(work):
            return None
        if work.rejects:
            self._aside.update(unreadable(work.entries, self._limit))
        return self._aside

    def _delivered(self, work: Prepared) -> bool:
        encoded = work.encoded
        if encoded is None:
            stored = self._isolate(rows_of(work.entries, self._limit, work.book)[0], "a value does not fit its column")
        else:
            stored = not encoded.spans or self._insist(
                encoded.spans,
                lambda: write_encoded(self._engine, self._control, encoded),
                lambda reason: self._isolate(rows_of(work.entries, self._limit, work.book)[0], reason),
            )
        if stored and work.beside is not None:
            stored = self._beside(work.beside)
        return stored and all(self._quarantine(reject) for reject in work.rejects)

    def _insist(
        self,
        items: int,
        attempt: Callable[[], None],
        refused: Callable[[str], bool],
        count: Callable[[], None] | None = None,
    ) -> bool:
        """Try until the store takes it, or says that it never will."""
        pause = 0.1
        while True:
            try:
                with self._metrics.write.time():
                    attempt()
            except QueryError as error:
                return refused(str(error))
            except Exception as error:
                self.last_error = f"{type(error).__name__}: {error}"
                self._metrics.retries.inc()
                log = logger.warning if isinstance(error, StoreError) else logger.exception
                log("the store did not take %d items, trying again in %.1f s: %s", items, pause, error)
                if self._abandon.wait(pause * random.uniform(0.7, 1.3)):  # noqa: S311 - jitter, not secrets
                    return False
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                self.last_error = None
                if count is None:
                    self._metrics.stored.inc(items)
                else:
                    count()
                return True

    def _isolate(self, batch: SpanBatch, reason: str) -> bool:
        """Halve a refused batch until the row that spoils it stands alone, and put that row in quarantine."""
        if len(batch.spans) > 1:
            stored = [self._rows(half) for half in _halves(batch)]
            return all(stored)
        if not batch.spans:
            return True
        project, trace_id, span_id = batch.spans[0][:3]
        logger.error("span %s of trace %s was refused by the store: %s", span_id, trace_id, reason)
        detail = f"trace {trace_id} span {span_id}: {reason[:1000]}"
        payload = repr((batch.spans, batch.content, batch.embeddings)).encode()
        self._aside[_slot_of(batch.spans[0], SPAN_COLUMNS, "traces")] += 1
        return self._quarantine(Reject(project, "refused_by_store", detail, 1, payload))

    def _rows(self, batch: SpanBatch) -> bool:
        def attempt() -> None:
            try:
                write(self._engine, self._control, batch)
            except (TypeError, ValueError, OverflowError, ArithmeticError) as error:
                # The driver's own words for a value that its column cannot hold.
                raise QueryError(f"{type(error).__name__}: {error}") from error

        return self._insist(len(batch.spans), attempt, lambda reason: self._isolate(batch, reason))

    def _beside(self, batch: SignalBatch) -> bool:
        """Store rows of logs and metrics; one that the store refuses is found by halving, as with spans."""

        def attempt() -> None:
            try:
                signals.write(self._engine, self._control, batch)
            except (TypeError, ValueError, OverflowError, ArithmeticError) as error:
                raise QueryError(f"{type(error).__name__}: {error}") from error

        def refused(reason: str) -> bool:
            if len(batch) > 1:
                return all([self._beside(half) for half in batch.halves()])  # noqa: C419 - each half must be tried
            for table, rows in batch.rows.items():
                for row in rows:
                    logger.error("a row for %s was refused by the store: %s", table, reason)
                    project = row[signals.TABLES[table].index("project_id")]
                    name = _SIGNALS[table]
                    detail = f"a row for {table}: {reason[:1000]}"
                    if table != "score_rows":  # an evaluation is counted as the record it came in
                        self._aside[_slot_of(row, signals.TABLES[table], name)] += 1
                    return self._quarantine(Reject(project, "refused_by_store", detail, 1, repr(row).encode(), name))
            return True

        def count() -> None:
            for table, rows in batch.rows.items():
                if rows and table != "score_rows":  # an evaluation is counted as the record it came in
                    self._metrics.count("stored", _SIGNALS[table], len(rows))

        return self._insist(len(batch), attempt, refused, count)

    def _quarantine(self, reject: Reject) -> bool:
        while True:
            try:
                quarantine.add(
                    self._control,
                    project_id=reject.project,
                    reason=reject.reason,
                    detail=reject.detail,
                    span_count=reject.spans,
                    payload=reject.payload,
                )
            except Exception:
                logger.exception("the quarantine cannot be written")
                if self._abandon.wait(1.0):
                    return False
            else:
                self._metrics.count("quarantined", reject.signal, reject.spans)
                return True


def unreadable(entries: Sequence[Entry], limit: int) -> Counter[Slot]:
    """How many items of these entries cannot become rows, found by making each entry's rows by itself.

    That is the work of preparing them done once more; it is done only for batches in which something failed.
    """
    found: Counter[Slot] = Counter()
    for entry in entries:
        rejects = (rows_of if entry.signal == "traces" else rows_beside)([entry], limit)[1]
        if items := sum(_items(reject) for reject in rejects):
            found[entry.slot] += items
    return found


def _items(reject: Reject) -> int:
    if reject.reason != "unreadable_metric":
        return reject.spans
    # One metric, and the points in it were counted when they came.
    request = ExportMetricsServiceRequest.FromString(reject.payload)
    metrics = (each for group in request.resource_metrics for scope in group.scope_metrics for each in scope.metrics)
    return sum(len(points_of(metric)) for metric in metrics)


def _slot_of(row: tuple[Any, ...], names: Sequence[str], signal: str) -> Slot:
    project, key, received_at = (row[names.index(name)] for name in ("project_id", "ingest_key", "ingested_at"))
    return slot(project, key, received_at, signal)


def _halves(batch: SpanBatch) -> list[SpanBatch]:
    middle = len(batch.spans) // 2
    halves: list[SpanBatch] = []
    for number, part in enumerate((batch.spans[:middle], batch.spans[middle:])):
        keys = {row[:3] for row in part}
        content = [row for row in batch.content if row[:3] in keys]
        vectors = [row for row in batch.embeddings if row[:3] in keys]
        halves.append(SpanBatch(f"{batch.token}-{number}", part, content, vectors))
    return halves
