"""An OTLP request as plain dicts: what a collector reads from the bytes the SDK sends."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final, Literal, TypedDict

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanledger import semconv

_USAGE: Final = {
    "input_tokens": semconv.USAGE_INPUT_TOKENS,
    "output_tokens": semconv.USAGE_OUTPUT_TOKENS,
    "cache_read_tokens": semconv.USAGE_CACHE_READ_TOKENS,
    "cache_write_tokens": semconv.USAGE_CACHE_WRITE_TOKENS,
    "reasoning_tokens": semconv.USAGE_REASONING_TOKENS,
}


class CapturedSpan(TypedDict):
    """One span as the collector would receive it.

    | key | |
    |---|---|
    | name | of the span |
    | kind | llm, agent, tool, retrieval, embedding, guardrail, chain; None for a span without one |
    | parent | the parent span's name; None for a root, and while the parent is still open |
    | trace_id, span_id, parent_id | hex digits; parent_id is None for a root |
    | status | ok or error |
    | error | the error's type and message; None where there is none |
    | start_ns, duration_ns | of the recording's clock |
    | model | that answered, else that was asked for |
    | usage | input_tokens (cache included), output_tokens (reasoning included), cache_read_tokens, ...: what is known |
    | cost | US dollars; None where unknown |
    | input, output | messages, as lists of dicts; None where not captured |
    | attributes | all attributes as sent |
    """

    name: str
    kind: str | None
    parent: str | None
    trace_id: str
    span_id: str
    parent_id: str | None
    status: Literal["ok", "error"]
    error: str | None
    start_ns: int
    duration_ns: int
    model: str | None
    usage: dict[str, int]
    cost: Decimal | None
    input: list[dict[str, Any]] | None
    output: list[dict[str, Any]] | None
    attributes: dict[str, Any]


def read(body: bytes) -> list[CapturedSpan]:
    """Return the spans of one request, in its order; `parent` is left None."""
    return [
        _span(span)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _span(span: Span) -> CapturedSpan:
    attributes = {pair.key: _value(pair.value) for pair in span.attributes}
    operation = attributes.get(semconv.OPERATION_NAME, "")
    failed = span.status.code == span.status.STATUS_CODE_ERROR
    cost = attributes.get(semconv.COST_USD)
    return CapturedSpan(
        name=span.name,
        kind=attributes.get(semconv.KIND) or semconv.OPERATION_KINDS.get(operation),
        parent=None,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        status="error" if failed else "ok",
        error=(span.status.message or attributes.get(semconv.ERROR_TYPE) or "") if failed else None,
        start_ns=span.start_time_unix_nano,
        duration_ns=span.end_time_unix_nano - span.start_time_unix_nano,
        model=attributes.get(semconv.RESPONSE_MODEL) or attributes.get(semconv.REQUEST_MODEL),
        usage={name: attributes[key] for name, key in _USAGE.items() if key in attributes},
        cost=None if cost is None else Decimal(cost),
        input=_messages(attributes.get(semconv.INPUT_MESSAGES)),
        output=_messages(attributes.get(semconv.OUTPUT_MESSAGES)),
        attributes=attributes,
    )


def _messages(value: object) -> list[dict[str, Any]] | None:
    if not isinstance(value, str):
        return None
    try:
        return json.loads(value)
    except ValueError:  # another library's span need not hold JSON
        return None


def _value(value: AnyValue) -> Any:
    which = value.WhichOneof("value")
    if which == "array_value":
        return [_value(item) for item in value.array_value.values]
    if which == "kvlist_value":
        return {pair.key: _value(pair.value) for pair in value.kvlist_value.values}
    return getattr(value, which) if which else None
