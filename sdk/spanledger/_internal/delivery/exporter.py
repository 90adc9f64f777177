"""The export thread: takes batches, makes them whole, sends them, and repeats what failed for now."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - OpenTelemetry offers no other name
)
from opentelemetry.sdk.trace import ReadableSpan

from spanledger._internal import forking
from spanledger._internal.delivery import otlp
from spanledger._internal.delivery.backlog import Backlog
from spanledger._internal.delivery.bodies import halves
from spanledger._internal.delivery.buffer import Buffer
from spanledger._internal.delivery.queue import SpanQueue
from spanledger._internal.delivery.reporting import Reporter
from spanledger._internal.delivery.transport import Answer, Transport
from spanledger._internal.log import warn_once
from spanledger._internal.observing.call import Call

Ended = tuple[ReadableSpan, Call | None]
Enrich = Callable[[Sequence[Ended]], list[ReadableSpan]]

_FIRST_BACKOFF: Final = 0.5
_MAX_BACKOFF: Final = 30.0
_MOST_AT_ONCE: Final = 2000  # spans of one request; only traces that were held are longer


class _Settled(NamedTuple):
    acknowledged: int
    dropped: int = 0
    reason: str = ""
    error: str = ""


class Exporter:
    """Owns the one thread that talks to the collector; started by the first span that ends.

    With a `buffer`, what cannot be delivered goes to disk after the first try, and from there to the collector, oldest
    first, once it answers again.
    """

    def __init__(
        self,
        queue: SpanQueue[Ended],
        transport: Transport,
        enrich: Enrich,
        schedule_delay: float,
        buffer: Buffer | None = None,
    ) -> None:
        self._queue = queue
        self._transport = transport
        self._enrich = enrich
        self._delay = schedule_delay
        self._reporter = Reporter(transport)
        # Sampling holds spans back: asked again, without new ones, it gives those whose time has come.
        self._held_until: Callable[[], float | None] = getattr(enrich, "held_until", _nothing_held)
        self._buffer = buffer
        self._backlog = None if buffer is None else Backlog(buffer, queue)
        self._backoff = _FIRST_BACKOFF
        self._posting = 0  # spans of the request whose answer is awaited
        self._unkept: deque[tuple[bytes, int]] = deque()
        self._is_hastened = False
        self._start_lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ensure_started(self) -> None:
        """Start the thread if it is not running yet (or not in this process: threads do not survive a fork)."""
        if self._thread is None:
            with self._start_lock:
                if self._thread is None and not self._queue.closed:
                    self._thread = threading.Thread(target=self._run, name="spanledger-export", daemon=True)
                    self._thread.start()

    def resume(self) -> None:
        """Start the thread now if an earlier process has left something to send."""
        if self._buffer is not None and self._buffer.has_leftovers():
            self.ensure_started()

    @property
    def buffered_in(self) -> str | None:
        """Where spans lie that could not be delivered; None without a buffer."""
        return None if self._buffer is None else str(self._buffer.directory)

    def hasten(self) -> None:
        """Wait for no answer any more: everything goes to disk."""
        self._is_hastened = True

    def leave_to_parent(self) -> None:
        """In a forked child: neither the thread nor the files of this exporter are its own."""
        if self._backlog is not None:
            self._backlog.leave_to_parent()

    def join(self, timeout: float) -> None:
        """Wait for the thread to notice the end of the queue."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        # What happens here (HTTP, an embedder's own model calls) must not become spans itself.
        otel_context.attach(otel_context.set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        self._import()
        while True:
            batch = self._queue.take(*self._until())
            if batch:
                self._know(batch[0])
                self.deliver_batch(batch)
            elif self._queue.closed:
                break
            elif self._held_until() is not None:
                self.deliver_batch(batch)
            self._send_what_was_kept()
            self._report(is_last=False)
        self._report(is_last=True)
        self._transport.close()
        if self._backlog is not None:
            self._backlog.close()

    def _import(self) -> None:
        # All that is needed later, at once: see `forking`.
        try:
            forking.import_undisturbed(
                "opentelemetry.exporter.otlp.proto.common.trace_encoder",
                "opentelemetry.proto.collector.metrics.v1.metrics_service_pb2",
                "spanledger._internal.delivery.wire",
            )
        except Exception as error:  # said again, with its consequence, where it is used
            warn_once("import", "the export thread could not be prepared: %s", error, error=error)

    def _until(self) -> tuple[float, float | None]:
        # How long a batch may gather, and when there is something else to do.
        kept_due = self._backlog.due if self._backlog is not None and not self._is_hastened else None
        delay = self._delay if kept_due is None else min(self._delay, max(0.0, kept_due - time.monotonic()))
        return delay, _earlier(self._reporter.due, self._held_until(), kept_due)

    def _report(self, *, is_last: bool) -> None:
        try:
            self._reporter.report(self._queue.stats(), is_last=is_last)
        except Exception as error:
            warn_once("report", "what became of the spans could not be reported: %s", error, error=error)

    def _know(self, item: Any) -> None:
        self._reporter.know(item[0].resource)

    def deliver_batch(self, batch: Sequence[Ended]) -> None:
        """Make a batch that was taken from the queue whole, send it, and settle every span of it. Never raises."""
        try:
            spans = self._enrich(batch)
            for start in range(0, len(spans), _MOST_AT_ONCE):
                self._deliver(spans[start : start + _MOST_AT_ONCE])
        except Exception as error:
            warn_once("export", "a batch of spans could not be exported: %s", error, error=error)
            self._queue.abandon("export_error", str(error), self._posting + sum(count for _, count in self._unkept))

    def _encode(self, spans: Sequence[Any]) -> bytes:
        return otlp.encode(spans)

    def _deliver(self, spans: Sequence[ReadableSpan]) -> None:
        try:
            body = self._encode(spans)
        except Exception as error:
            if len(spans) > 1:  # one bad span must not take the others with it
                for span in spans:
                    self._deliver([span])
                return
            warn_once("encode", "a span could not be encoded: %s", error, error=error)
            self._queue.settle(dropped=1, reason="unencodable", error=str(error))
            return
        self._post(body, len(spans))

    def _post(self, body: bytes, count: int) -> None:
        """Deliver one request or keep it on disk; with neither possible, repeat it until the end."""
        backlog = self._backlog
        if backlog is not None and (self._posting or self._is_hastened or backlog.is_waiting):
            if backlog.keep(body, count, is_sent=False):
                return
            if self._posting:
                self._unkept.append((body, count))
                return
        self._queue.count_sent(count)
        while True:
            result = self._send(body, count)
            if isinstance(result, list):
                for part in result:
                    self._queue.settle(*part)
                break
            warn_once("retry", "spans cannot be delivered now and are kept: %s", result.error)
            if backlog is not None and backlog.keep(body, count, is_sent=True):
                self._postpone(backlog, result)
                break
            self._queue.count_retry(result.error, is_busy=result.retry_after is not None)
            if self._queue.closed:
                break
            hurried = self._queue.pause(_pause(result, self._backoff))
            self._backoff = _FIRST_BACKOFF if hurried else min(self._backoff * 2, _MAX_BACKOFF)
        while self._unkept:
            self._post(*self._unkept.popleft())

    def _send(self, body: bytes, count: int) -> list[_Settled] | Answer:
        """Send a request, in parts if it is too large; return what became of it, or why it is to be repeated."""
        if self._backlog is None:
            answer = self._transport.post(body)
        else:
            self._posting = count
            answer = self._transport.post(body, self._meanwhile)
            self._posting = 0
        if answer.retryable:
            return answer
        if answer.too_large and count > 1:
            settled: list[_Settled] = []
            for half, size in halves(body, is_logs=self._transport.is_for_logs):
                result = self._send(half, size)
                if isinstance(result, Answer):
                    return result  # all of it later: the collector knows what it has seen
                settled += result
            return settled
        self._backoff = _FIRST_BACKOFF
        if self._backlog is not None:
            self._backlog.relax()
        if answer.ok:
            refused = min(answer.rejected, count)
            if refused:
                warn_once("rejected", "the collector rejected %d spans: %s", refused, answer.error)
            return [_Settled(count - refused, refused, answer.reason, answer.error)]
        warn_once("refused", "%d spans were refused: %s", count, answer.error)
        return [_Settled(0, count, answer.reason, answer.error)]

    def _meanwhile(self) -> bool:
        """While an answer is awaited, make room in a queue that fills; True if the answer is to be awaited no more."""
        backlog = self._backlog
        while not self._is_hastened and backlog is not None and backlog.is_working and self._queue.is_pressed:
            batch = self._queue.take(0)
            if not batch:
                break
            self.deliver_batch(batch)
        return self._is_hastened

    def _postpone(self, backlog: Backlog, answer: Answer) -> None:
        backlog.postpone(_pause(answer, self._backoff))
        self._backoff = min(self._backoff * 2, _MAX_BACKOFF)
        # Nobody has to be turned away: the disk makes room.
        self._queue.count_retry(answer.error, is_busy=True)

    def _send_what_was_kept(self) -> None:
        """Send the oldest request on disk, if the collector is to be asked."""
        backlog = self._backlog
        if backlog is None or self._is_hastened:
            return
        backlog.adopt()
        if (backlog.is_waiting and not self._queue.was_hurried) or (found := backlog.next()) is None:
            return
        kept, body = found
        if not kept.is_sent:
            kept.is_sent = True
            self._queue.count_sent(kept.count)
        result = self._send(body, kept.count)
        if isinstance(result, Answer):
            self._postpone(backlog, result)
            return
        backlog.forget(kept)
        for part in result:
            self._queue.settle_kept(*part, is_own=kept.is_own)
        while self._unkept:
            self._post(*self._unkept.popleft())


def _nothing_held() -> float | None:
    return None


def _earlier(*moments: float | None) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _pause(answer: Answer, backoff: float) -> float:
    if answer.retry_after is not None:
        return answer.retry_after + random.uniform(0, 0.25)  # noqa: S311 - spreading load, not a secret
    return backoff * random.uniform(0.5, 1.0)  # noqa: S311
