"""Spool entries, made into bytes for the store: the costly half of the line, in this process or beside it."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import signal
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

import zstandard
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanledger_collector.normalise import Origin, normalise
from spanledger_collector.spool import Entry
from spanledger_store.columns import SpanBatch
from spanledger_store.native import Encoded, Types, encode

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reject:
    """What could not become a row, as quarantine takes it."""

    project: str
    reason: str
    detail: str
    spans: int
    payload: bytes


@dataclass(slots=True)
class Prepared:
    """Entries with what they became. `encoded` is None where a value did not fit its column's type."""

    entries: Sequence[Entry]
    encoded: Encoded | None
    rejects: list[Reject] = field(default_factory=list[Reject])


def rows_of(entries: Sequence[Entry], limit: int) -> tuple[SpanBatch, list[Reject]]:
    """The entries' rows, and what of them could not become any."""
    token = hashlib.blake2b(b"".join(entry.hash for entry in entries), digest_size=16).hexdigest()
    batch, rejects = SpanBatch(token), list[Reject]()
    for entry in entries:
        try:
            request = ExportTraceServiceRequest.FromString(entry.body())
        except (zstandard.ZstdError, DecodeError) as error:
            detail = f"the spool's copy of a request cannot be read: {error}"
            rejects.append(Reject(entry.project, "damaged_spool", detail, entry.spans, entry.packed))
            continue
        origin = Origin(entry.project, entry.key, entry.received_at)
        for failed in normalise(request, origin, batch, limit):
            payload = failed.request.SerializeToString()
            rejects.append(Reject(entry.project, "unreadable_span", failed.reason, 1, payload))
    return batch, rejects


def prepare(entries: Sequence[Entry], limit: int, types: Types) -> Prepared:
    """The entries as Native bytes."""
    batch, rejects = rows_of(entries, limit)
    try:
        encoded = encode(batch, types)
    except Exception:
        logger.exception(
            "a batch of %d spans could not be encoded; its rows are written one block at a time", len(batch.spans)
        )
        encoded = None
    return Prepared(entries, encoded, rejects)


def _ignore_interrupts() -> None:
    # Ctrl+C reaches the whole group; the parent decides when its helpers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


class Preparer:
    """Prepares small batches here and large ones in processes beside this one, which start when first needed.

    A process that dies is replaced, and its batch prepared again: nothing depends on it.
    """

    def __init__(self, processes: int, limit: int, types: Types) -> None:
        self._processes = processes
        self._limit = limit
        self._types = types
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, entries: Sequence[Entry], *, aside: bool) -> Future[Prepared]:
        """The prepared batch to come; `aside` asks for another process, where one is allowed."""
        if aside and self._processes:
            try:
                return self._open().submit(prepare, entries, self._limit, self._types)
            except (RuntimeError, OSError) as error:
                logger.warning("no normaliser process can be had (%s); the batch is prepared in this one", error)
        done: Future[Prepared] = Future()
        done.set_result(prepare(entries, self._limit, self._types))
        return done

    def result(self, future: Future[Prepared], entries: Sequence[Entry]) -> Prepared:
        """Wait for a batch; prepare it here where its process died."""
        try:
            return future.result()
        except (BrokenProcessPool, CancelledError, OSError) as error:
            logger.warning("a normaliser process ended early (%s); its batch is prepared in this one", error)
            self.close()
            return prepare(entries, self._limit, self._types)

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Spawned, not forked: the engine does not survive a fork.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._processes, mp_context=context, initializer=_ignore_interrupts)
        return self._pool

    def close(self) -> None:
        """End the processes; they start again when needed."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
