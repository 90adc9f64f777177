"""The span processor that joins OpenTelemetry to the SDK: stamps at the start, queues at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from spanledger._internal import runtime
from spanledger._internal.context import baggage
from spanledger._internal.context.stamps import STAMPS_KEY, stamps_of
from spanledger._internal.delivery.exporter import Ended, Exporter
from spanledger._internal.delivery.queue import SpanQueue
from spanledger._internal.instrument import adoption
from spanledger._internal.log import warn_once
from spanledger._internal.observing.call import Call

_SPAN_BYTES = 1000  # what a span weighs before its content


class LedgerProcessor(SpanProcessor):
    """Sees every span of its provider, those of other libraries included. Raises nothing into their code."""

    def __init__(
        self, queue: SpanQueue[Ended], exporter: Exporter, calls: dict[int, Call], *, takes_unsampled: bool = False
    ) -> None:
        self._queue = queue
        self._exporter = exporter
        self._calls = calls
        self._takes_unsampled = takes_unsampled  # to be counted; what another's provider does not sample is its own
        self.watch: Callable[[ReadableSpan, Call | None], None] | None = None  # of what calls cost, once asked for

    def rewire(self, queue: SpanQueue[Ended], exporter: Exporter) -> None:
        """Use these from now on (in a forked child)."""
        self._queue = queue
        self._exporter = exporter

    def on_start(self, span: Span, parent_context: otel_context.Context | None = None) -> None:
        """Stamp the span with what `spanledger.context` says around it."""
        try:
            if self._takes_unsampled or span.get_span_context().trace_flags & 1:
                self._queue.count_start()
            current = otel_context.get_current() if parent_context is None else parent_context
            stamps: Any = stamps_of(current) if baggage.allowed else current.get(STAMPS_KEY)
            if stamps is None and parent_context is not None:
                # An explicit parent, such as one from an incoming request, does not leave the block.
                stamps = stamps_of(otel_context.get_current())
            if stamps:
                span.set_attributes(stamps)
            scope = span.instrumentation_scope
            if scope is not None and scope.name in adoption.SCOPES:
                adoption.note(span)
        except Exception as error:
            warn_once("on_start", "a span could not be stamped: %s", error, error=error)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span with the call it belongs to, if it is one of ours."""
        try:
            identity = span.context
            if identity is None:
                return
            call = self._calls.pop(identity.span_id, None)
            if not (self._takes_unsampled or identity.trace_flags & 1):
                return
            weight = _SPAN_BYTES if call is None else _SPAN_BYTES + call.weight
            self._queue.put((span, call), weight)
            self._exporter.ensure_started()
            if self.watch is not None:
                self.watch(span, call)
        except Exception as error:
            warn_once("on_end", "a span could not be queued: %s", error, error=error)

    def shutdown(self) -> None:
        """Deliver what is queued, within the SDK's own deadline."""
        runtime.shutdown_of(self)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """True if everything that ended so far was delivered within the time."""
        return self._queue.flush(timeout_millis / 1000)
