"""The export thread: takes batches, makes them whole, sends them, and repeats what failed for now."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from typing import Final

from opentelemetry import context as otel_context
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - OpenTelemetry offers no other name
)
from opentelemetry.sdk.trace import ReadableSpan

from spanledger._internal.call import Call
from spanledger._internal.log import warn_once
from spanledger._internal.queue import SpanQueue
from spanledger._internal.reporting import Reporter
from spanledger._internal.transport import Answer, Transport

Ended = tuple[ReadableSpan, Call | None]
Enrich = Callable[[Sequence[Ended]], list[ReadableSpan]]

_FIRST_BACKOFF: Final = 0.5
_MAX_BACKOFF: Final = 30.0


class Exporter:
    """Owns the one thread that talks to the collector; started by the first span that ends."""

    def __init__(self, queue: SpanQueue[Ended], transport: Transport, enrich: Enrich, schedule_delay: float) -> None:
        self._queue = queue
        self._transport = transport
        self._enrich = enrich
        self._delay = schedule_delay
        self._reporter = Reporter(transport)
        self._start_lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ensure_started(self) -> None:
        """Start the thread if it is not running yet (or not in this process: threads do not survive a fork)."""
        if self._thread is None:
            with self._start_lock:
                if self._thread is None and not self._queue.closed:
                    self._thread = threading.Thread(target=self._run, name="spanledger-export", daemon=True)
                    self._thread.start()

    def join(self, timeout: float) -> None:
        """Wait for the thread to notice the end of the queue."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        # What happens here (HTTP, an embedder's own model calls) must not become spans itself.
        otel_context.attach(otel_context.set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        while True:
            batch = self._queue.take(self._delay, self._reporter.due)
            if batch:
                self._reporter.know(batch[0][0].resource)
                self.deliver_batch(batch)
            elif self._queue.closed:
                break
            self._report(is_last=False)
        self._report(is_last=True)
        self._transport.close()

    def _report(self, *, is_last: bool) -> None:
        try:
            self._reporter.report(self._queue.stats(), is_last=is_last)
        except Exception as error:
            warn_once("report", "what became of the spans could not be reported: %s", error, error=error)

    def deliver_batch(self, batch: Sequence[Ended]) -> None:
        """Make a batch that was taken from the queue whole, send it, and settle every span of it. Never raises."""
        try:
            self._deliver(self._enrich(batch))
        except Exception as error:
            warn_once("export", "a batch of spans could not be exported: %s", error, error=error)
            self._queue.abandon("export_error", str(error))

    def _deliver(self, spans: Sequence[ReadableSpan]) -> None:
        # Imported here for weight: protobuf is only needed once there is something to send.
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

        try:
            body = encode_spans(spans).SerializePartialToString()
        except Exception as error:
            if len(spans) > 1:  # one bad span must not take the others with it
                for span in spans:
                    self._deliver([span])
                return
            warn_once("encode", "a span could not be encoded: %s", error, error=error)
            self._queue.settle(dropped=1, reason="unencodable", error=str(error))
            return
        self._queue.count_sent(len(spans))
        self._post(spans, body)

    def _post(self, spans: Sequence[ReadableSpan], body: bytes) -> None:
        backoff = _FIRST_BACKOFF
        while True:
            answer = self._transport.post(body)
            if answer.ok:
                refused = min(answer.rejected, len(spans))
                if refused:
                    warn_once("rejected", "the collector rejected %d spans: %s", refused, answer.error)
                self._queue.settle(len(spans) - refused, refused, answer.reason, answer.error)
                return
            if answer.too_large and len(spans) > 1:
                self._post_halves(spans)
                return
            if not answer.retryable:
                warn_once("refused", "%d spans were refused: %s", len(spans), answer.error)
                self._queue.settle(dropped=len(spans), reason=answer.reason, error=answer.error)
                return
            self._queue.count_retry(answer.error, is_busy=answer.retry_after is not None)
            if self._queue.closed:
                return
            warn_once("retry", "spans cannot be delivered now and are kept: %s", answer.error)
            hurried = self._queue.pause(_pause(answer, backoff))
            backoff = _FIRST_BACKOFF if hurried else min(backoff * 2, _MAX_BACKOFF)

    def _post_halves(self, spans: Sequence[ReadableSpan]) -> None:
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

        middle = len(spans) // 2
        for half in (spans[:middle], spans[middle:]):
            self._post(half, encode_spans(half).SerializePartialToString())


def _pause(answer: Answer, backoff: float) -> float:
    if answer.retry_after is not None:
        return answer.retry_after + random.uniform(0, 0.25)  # noqa: S311 - spreading load, not a secret
    return backoff * random.uniform(0.5, 1.0)  # noqa: S311
