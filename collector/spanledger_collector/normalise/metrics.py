"""Metric points, turned into rows: what clients count of their calls, and SDKs of their own spans."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from spanledger import semconv
from spanledger_collector.normalise.logs import Unread
from spanledger_collector.normalise.spans import Origin
from spanledger_collector.normalise.values import plain, text
from spanledger_store.signals import SignalBatch

logger = logging.getLogger(__name__)

KEPT = ("gen_ai.", "otel.sdk.")
TEMPORALITY = {0: "", 1: "delta", 2: "cumulative"}
NO_VALUE = 1  # a point's flag: the series has ended, and this is no measurement
# A sum over many calls needs none of these, and so nothing of a person or a customer lies here to be deleted.
PERSONAL = frozenset({
    "user.id", "user.name", "user.email", "user.full_name", "user.hash", "enduser.id", "enduser.pseudo.id",
    "gen_ai.user", "gen_ai.user.id", "gen_ai.request.user", "llm.user", "session.id", "gen_ai.conversation.id",
    "gen_ai.session.id", "langfuse.user.id", "langfuse.session.id", semconv.CUSTOMER_ID,
})  # fmt: skip
MODELS = ("gen_ai.response.model", "gen_ai.request.model")
PROVIDERS = ("gen_ai.provider.name", "gen_ai.system")
TOKEN_TYPES = {"completion": "output", "prompt": "input"}


def kept(name: str) -> bool:
    """True for a metric that is stored; any other is another tool's to keep."""
    return name.startswith(KEPT)


def points_of(metric: Metric) -> Any:
    """The metric's points, whatever its type; empty where it has none."""
    kind = metric.WhichOneof("data")
    return getattr(metric, kind).data_points if kind else ()


def normalise_metrics(request: ExportMetricsServiceRequest, origin: Origin, batch: SignalBatch) -> list[Unread]:
    """Append a row for every point; return the metrics for which that failed, each by itself."""
    failed: list[Unread] = []
    rows = batch.rows["metric_rows"]
    for resource in request.resource_metrics:
        shared = _texts(resource.resource.attributes)
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if not kept(metric.name):
                    continue
                try:
                    found = [
                        _row(metric, point, shared, scope.scope.name, origin)
                        for point in points_of(metric)
                        if not point.flags & NO_VALUE
                    ]
                except Exception as error:
                    logger.exception("a metric could not be normalised")
                    alone = ExportMetricsServiceRequest()
                    group = alone.resource_metrics.add()
                    group.resource.CopyFrom(resource.resource)
                    inner = group.scope_metrics.add()
                    inner.scope.CopyFrom(scope.scope)
                    inner.metrics.append(metric)
                    failed.append(Unread(alone.SerializeToString(), f"{type(error).__name__}: {error}"))
                else:
                    rows.extend(found)
    return failed


def _texts(attributes: Iterable[Any]) -> dict[str, str]:
    return {item.key: text(plain(item.value)) for item in attributes}


def _first(held: Mapping[str, str], keys: Iterable[str]) -> str:
    return next((held[key] for key in keys if held.get(key)), "")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _row(metric: Metric, point: Any, shared: Mapping[str, str], scope: str, origin: Origin) -> tuple[Any, ...]:
    kind = metric.WhichOneof("data")
    data: Any = getattr(metric, str(kind))
    attributes = _texts(point.attributes)
    identity = [metric.name, scope, sorted(shared.items()), sorted(attributes.items())]
    series = hashlib.blake2b(orjson.dumps(identity), digest_size=16).hexdigest()
    provider = _first(attributes, PROVIDERS)
    token_type = attributes.get("gen_ai.token.type", "")
    value = count = total = low = high = scale = None
    bounds: list[float] = []
    buckets: list[int] = []
    zero = positive_offset = negative_offset = 0
    negative: list[int] = []
    if kind in ("sum", "gauge"):
        number = point.WhichOneof("value")
        value = _finite(float(getattr(point, number))) if number else None
    else:
        count = point.count
        total = _finite(point.sum) if kind == "summary" or point.HasField("sum") else None
    if kind in ("histogram", "exponential_histogram"):
        low = _finite(point.min) if point.HasField("min") else None
        high = _finite(point.max) if point.HasField("max") else None
    if kind == "histogram":
        bounds, buckets = list(point.explicit_bounds), list(point.bucket_counts)
    elif kind == "exponential_histogram":
        scale, zero = point.scale, point.zero_count
        positive_offset, buckets = point.positive.offset, list(point.positive.bucket_counts)
        negative_offset, negative = point.negative.offset, list(point.negative.bucket_counts)
    return (
        origin.project, metric.name, point.time_unix_nano, series, point.start_time_unix_nano or None, kind,
        TEMPORALITY.get(getattr(data, "aggregation_temporality", 0), ""), getattr(data, "is_monotonic", False),
        metric.unit, attributes.get("gen_ai.operation.name", ""),
        semconv.provider_name(provider) if provider else "", _first(attributes, MODELS),
        TOKEN_TYPES.get(token_type, token_type), attributes.get("error.type", ""), shared.get("service.name", ""),
        value, count, total, low, high, bounds, buckets, scale, zero, positive_offset, negative_offset, negative,
        {key: each for key, each in attributes.items() if key not in PERSONAL},
        {key: each for key, each in shared.items() if key not in PERSONAL}, scope, origin.key, origin.received_at,
    )  # fmt: skip
