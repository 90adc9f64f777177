"""What of logs and metrics is taken: GenAI's and a trace's, if it can be stored; the rest is other tools' to keep.

What is left aside is no error: the answer counts it in a message beside zero rejections, as OTLP defines a warning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from spanledger_collector.admission import EARLIEST_NS, LATEST_NS, Verdict, told
from spanledger_collector.normalise.logs import CONTENT_EVENTS, EVALUATION, GENAI, RESPONSE_ID, event_name
from spanledger_collector.normalise.metrics import kept, points_of

LOG_ITEMS, METRIC_ITEMS = "log record(s)", "data point(s)"


def _log_reason(record: LogRecord) -> str | None:
    if len(record.trace_id) not in (0, 16):
        return "trace_id is not 16 bytes"
    if len(record.span_id) not in (0, 8):
        return "span_id is not 8 bytes"
    moment = record.time_unix_nano or record.observed_time_unix_nano
    if moment and not EARLIEST_NS <= moment < LATEST_NS:
        return f"time {moment} is outside 2000 to 2100"
    return None


def _log_warning(record: LogRecord, name: str) -> str | None:
    if any(record.trace_id) or not (name == EVALUATION or name in CONTENT_EVENTS):
        return None
    body = record.body.kvlist_value.values
    if any(item.key == RESPONSE_ID for held in (record.attributes, body) for item in held):
        return None
    return f"{name} names neither a span nor a response: kept, but joined to nothing"


def admit_logs(request: ExportLogsServiceRequest, _now: int) -> Verdict:
    """Sort log records into taken, refused and left aside; only the taken ones stay in `request`."""
    accepted = rejected = aside = 0
    reasons: Counter[str] = Counter()
    refused: ExportLogsServiceRequest | None = None
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            bad: list[LogRecord] = []
            good: list[LogRecord] = []
            for record in scope.log_records:
                name = event_name(record)
                if not (name.startswith(GENAI) or any(record.trace_id)):
                    aside += 1
                elif reason := _log_reason(record):
                    bad.append(record)
                    reasons[reason] += 1
                else:
                    good.append(record)
                    if warning := _log_warning(record, name):
                        reasons[warning] += 1
            accepted += len(good)
            if bad:
                rejected += len(bad)
                refused = refused or ExportLogsServiceRequest()
                group = refused.resource_logs.add()
                group.resource.CopyFrom(resource.resource)
                inner = group.scope_logs.add()
                inner.scope.CopyFrom(scope.scope)
                inner.log_records.extend(bad)
            if len(good) < len(scope.log_records):
                _keep(scope.log_records, good)
    if aside:
        reasons["not kept: neither a GenAI event nor within a trace"] = aside
    return Verdict(accepted, refused, rejected, told(reasons, LOG_ITEMS), bool(rejected or aside))


def _point_reason(point: Any) -> str | None:
    if not EARLIEST_NS <= point.time_unix_nano < LATEST_NS:
        return f"time_unix_nano {point.time_unix_nano} is outside 2000 to 2100"
    start = point.start_time_unix_nano
    if start and not EARLIEST_NS <= start <= point.time_unix_nano:
        return f"start_time_unix_nano {start} is before 2000 or after the point's time"
    bounds = getattr(point, "explicit_bounds", None)
    if bounds is not None and point.bucket_counts and len(point.bucket_counts) != len(bounds) + 1:
        return f"{len(point.bucket_counts)} bucket_counts for {len(bounds)} explicit_bounds"
    return None


def admit_metrics(request: ExportMetricsServiceRequest, _now: int) -> Verdict:
    """Sort data points into taken, refused and left aside; only the taken ones stay in `request`."""
    accepted = rejected = aside = 0
    reasons: Counter[str] = Counter()
    refused: ExportMetricsServiceRequest | None = None
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            others = [metric for metric in scope.metrics if not kept(metric.name)]
            if others:
                aside += sum(len(points_of(metric)) for metric in others)
                _keep(scope.metrics, [metric for metric in scope.metrics if kept(metric.name)])
            for metric in scope.metrics:
                points = points_of(metric)
                bad: list[Any] = []
                for point in points:
                    if reason := _point_reason(point):
                        bad.append(point)
                        reasons[f"{metric.name}: {reason}"] += 1
                if bad:
                    rejected += len(bad)
                    refused = refused or ExportMetricsServiceRequest()
                    group = refused.resource_metrics.add()
                    group.resource.CopyFrom(resource.resource)
                    inner = group.scope_metrics.add()
                    inner.scope.CopyFrom(scope.scope)
                    inner.metrics.append(_with(metric, bad))
                    _keep(points, [point for point in points if _point_reason(point) is None])
                accepted += len(points)
    if aside:
        reasons["not kept: only metrics named gen_ai.* and otel.sdk.* are"] = aside
    return Verdict(accepted, refused, rejected, told(reasons, METRIC_ITEMS), bool(rejected or aside))


def _keep(held: Any, wanted: Sequence[Any]) -> None:
    del held[:]
    held.extend(wanted)


def _with(metric: Metric, points: Sequence[Any]) -> Metric:
    alone = Metric()
    alone.CopyFrom(metric)
    _keep(points_of(alone), points)
    return alone
