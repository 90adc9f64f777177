"""What became of this process's spans, told to the collector as the standard metrics of OpenTelemetry's SDKs.

`otel.sdk.processor.span.processed` counts spans that left the queue (with an `error.type`: that were dropped before
anything was sent), `otel.sdk.exporter.span.exported` those whose export has ended. Each ended span is, in the end, in
exactly one of: exported without error, exported with one, processed with one.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from spanledger._internal.delivery.account import Stats
from spanledger._internal.delivery.transport import Transport

if TYPE_CHECKING:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.sdk.resources import Resource

INTERVAL: Final = 60.0
PROCESSED: Final = "otel.sdk.processor.span.processed"
EXPORTED: Final = "otel.sdk.exporter.span.exported"
INSTANCE: Final = "service.instance.id"
# Dropped by the queue; any other reason is the exporter's.
BEFORE_EXPORT: Final = frozenset({"queue_full", "after_shutdown", "shutdown"})
_SCOPE: Final = "spanledger"


class Reporter:
    """Sends the counters of one queue: at most once a minute, only when they have changed, and at the end.

    Used by the export thread alone. The counters are cumulative, so a report that does not arrive is made up for by
    the next one. A collector that does not take metrics is not asked again.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._begun = time.time_ns()
        self._instance = str(uuid.uuid4())
        self._resource: Resource | None = None
        self._due = time.monotonic() + INTERVAL
        self._told: Mapping[tuple[str, str], int] = {}
        self._is_on = transport.takes_reports

    @property
    def due(self) -> float | None:
        """When the next report may go (of the monotonic clock); None where there will be none."""
        return self._due if self._is_on else None

    def know(self, resource: Resource) -> None:
        """Remember whom the spans are from."""
        self._resource = resource

    def report(self, stats: Stats, *, is_last: bool = False) -> None:
        """Send what has changed, if it is time. Never raises."""
        if not self._is_on or not (is_last or time.monotonic() >= self._due):
            return
        self._due = time.monotonic() + INTERVAL
        counts = counters(stats)
        if counts == self._told:
            return
        body = encode(counts, self._resource, self._instance, self._begun).SerializeToString()
        answer = self._transport.report(body)
        if answer.ok:
            self._told = counts
        elif not answer.retryable:
            self._is_on = False


def counters(stats: Stats) -> dict[tuple[str, str], int]:
    """(metric, error) -> spans, as far as their fate is known."""
    held = {(EXPORTED, ""): stats.acknowledged}
    for reason, count in stats.dropped.items():
        held[PROCESSED if reason in BEFORE_EXPORT else EXPORTED, reason] = count
    held[PROCESSED, ""] = sum(count for (name, _), count in held.items() if name == EXPORTED)
    return {at: count for at, count in held.items() if count}


def encode(
    counts: Mapping[tuple[str, str], int], resource: Resource | None, instance: str, begun: int
) -> ExportMetricsServiceRequest:
    """The counters as OTLP: cumulative since `begun` (UTC nanoseconds), from a process named `instance`.

    A resource that names its instance keeps its name; processes that share it are told apart by when they began.
    Its attributes go as text, which is what a series is told apart by.
    """
    # Imported here for weight, as in the exporter.
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    held = {INSTANCE: instance, **(dict(resource.attributes) if resource is not None else {})}
    for key, value in held.items():
        group.resource.attributes.add(key=key).value.string_value = str(value)
    scope = group.scope_metrics.add()
    scope.scope.name = _SCOPE
    now = max(time.time_ns(), begun)
    for name, kind in ((PROCESSED, "span_processor"), (EXPORTED, "otlp_http_span_exporter")):
        series = {error: count for (metric, error), count in counts.items() if metric == name}
        if not series:
            continue
        metric = scope.metrics.add(name=name, unit="{span}")
        metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
        metric.sum.is_monotonic = True
        for error, count in sorted(series.items()):
            point = metric.sum.data_points.add(start_time_unix_nano=begun, time_unix_nano=now, as_int=count)
            labels = {"otel.component.type": kind, "otel.component.name": f"{_SCOPE}_{kind}/0"}
            for key, value in (labels | ({"error.type": error} if error else {})).items():
                point.attributes.add(key=key).value.string_value = value
    return request
