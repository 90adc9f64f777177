"""Small OTLP requests for tests."""

from __future__ import annotations

import itertools
import time
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_numbers = itertools.count(1)


def any_value(value: Any) -> AnyValue:
    """The AnyValue of a Python value."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, list):
        made = AnyValue()
        made.array_value.values.extend(any_value(item) for item in value)
        return made
    return AnyValue(string_value=value)


def attributes(values: dict[str, Any]) -> list[KeyValue]:
    """Key-value pairs in the wire's form."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in values.items()]


def span(values: dict[str, Any] | None = None, **fields: Any) -> Span:
    """A valid span of one second, started now, with ids never used before."""
    number = next(_numbers)
    start = fields.pop("start", time.time_ns())
    made = Span(
        trace_id=fields.pop("trace_id", number.to_bytes(16, "big")),
        span_id=fields.pop("span_id", number.to_bytes(8, "big")),
        name=fields.pop("name", "chat gpt-4o"),
        start_time_unix_nano=start,
        end_time_unix_nano=fields.pop("end", start + 1_000_000_000),
        **fields,
    )
    made.attributes.extend(attributes(values or {}))
    return made


def chat(tokens: int = 100, **extra: Any) -> dict[str, Any]:
    """Attributes of a chat call with `tokens` in and half of that out."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": tokens,
        "gen_ai.usage.output_tokens": tokens // 2,
        **extra,
    }


def request(*spans: Span, scope: str = "tests", resource: dict[str, Any] | None = None) -> ExportTraceServiceRequest:
    """One resource, one scope, these spans."""
    made = ExportTraceServiceRequest()
    group = made.resource_spans.add()
    group.resource.attributes.extend(attributes(resource or {"service.name": "tests"}))
    inner = group.scope_spans.add()
    inner.scope.name = scope
    inner.spans.extend(spans)
    return made
