"""Small OTLP requests of logs and metrics for tests."""

from __future__ import annotations

import time
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.collector.otlp_builder import any_value, attributes


def nested(value: Any) -> AnyValue:
    """The AnyValue of a Python value that may hold objects."""
    if isinstance(value, dict):
        made = AnyValue()
        made.kvlist_value.values.extend(KeyValue(key=key, value=nested(each)) for key, each in value.items())
        return made
    if isinstance(value, list):
        made = AnyValue()
        made.array_value.values.extend(nested(each) for each in value)
        return made
    return any_value(value)


def record(name: str = "", values: dict[str, Any] | None = None, body: Any = None, **fields: Any) -> LogRecord:
    """A log record of now; `of` is the span that it belongs to."""
    of: Span | None = fields.pop("of", None)
    if of is not None:
        fields = {"trace_id": of.trace_id, "span_id": of.span_id, **fields}
    made = LogRecord(event_name=name, time_unix_nano=fields.pop("time", time.time_ns()), **fields)
    for key, value in (values or {}).items():
        made.attributes.append(KeyValue(key=key, value=nested(value)))
    if body is not None:
        made.body.CopyFrom(nested(body))
    return made


def logs(*records: LogRecord, scope: str = "tests") -> ExportLogsServiceRequest:
    """One resource, one scope, these records."""
    made = ExportLogsServiceRequest()
    group = made.resource_logs.add()
    group.resource.attributes.extend(attributes({"service.name": "tests"}))
    inner = group.scope_logs.add()
    inner.scope.name = scope
    inner.log_records.extend(records)
    return made


def evaluation(name: str, value: float | None = None, **extra: Any) -> dict[str, Any]:
    """Attributes of an evaluation result."""
    scored = {} if value is None else {"gen_ai.evaluation.score.value": value}
    return {"gen_ai.evaluation.name": name, **scored, **extra}


def histogram(
    name: str,
    total: float,
    count: int,
    values: dict[str, Any],
    *,
    time_ns: int,
    start: int,
    temporality: int = 2,
    bounds: tuple[float, ...] = (1.0,),
) -> Metric:
    """A histogram of one point, cumulative (2) or delta (1)."""
    made = Metric(name=name, unit="{token}")
    made.histogram.aggregation_temporality = temporality  # pyright: ignore[reportAttributeAccessIssue]
    point = made.histogram.data_points.add(time_unix_nano=time_ns, start_time_unix_nano=start, count=count, sum=total)
    point.explicit_bounds.extend(bounds)
    point.bucket_counts.extend([0] * len(bounds) + [count])
    point.attributes.extend(attributes(values))
    return made


def metrics(*held: Metric, resource: dict[str, Any] | None = None) -> ExportMetricsServiceRequest:
    """One resource, one scope, these metrics."""
    made = ExportMetricsServiceRequest()
    group = made.resource_metrics.add()
    group.resource.attributes.extend(attributes(resource or {"service.name": "tests"}))
    inner = group.scope_metrics.add()
    inner.scope.name = "tests"
    inner.metrics.extend(held)
    return made
