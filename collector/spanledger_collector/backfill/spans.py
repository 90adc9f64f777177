"""Spans of what an export tells, with ids that follow from the row: the same row is the same span, always."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spanledger import semconv

# OpenTelemetry's conventions are what the normaliser reads for a scope of this name.
SCOPE = "spanledger.backfill"
IMPORTED_AT = "spanledger.imported_at"
IMPORTED_FROM = f"{semconv.METADATA_PREFIX}imported_from"
SERVICE_TIER = f"{semconv.METADATA_PREFIX}service_tier"

_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Record:
    """One row as a span; `calls` is how many calls it stands for (0 for a step that is none).

    `stated_usd` is what the source says it cost, `note` what its reader should know ('' for nothing).
    """

    span: Span
    calls: int
    stated_usd: Decimal | None = None
    note: str = ""
    scope: str = SCOPE


def trace_id(source: str, given: str) -> bytes:
    """The id itself where it is one of OpenTelemetry's, else 16 bytes made of it."""
    return bytes.fromhex(given) if _TRACE_ID.fullmatch(given) else _digest(source, "trace", given, 16)


def span_id(source: str, given: str) -> bytes:
    """The id itself where it is one of OpenTelemetry's, else 8 bytes made of it."""
    return bytes.fromhex(given) if _SPAN_ID.fullmatch(given) else _digest(source, "span", given, 8)


def _digest(source: str, what: str, given: str, size: int) -> bytes:
    return hashlib.blake2b(f"{source}\0{given}".encode(), digest_size=size, person=what.encode()).digest()


def make(
    source: str,
    identity: str,
    name: str,
    start: int,
    attributes: Mapping[str, Any],
    *,
    end: int | None = None,
    trace: str = "",
    parent: str = "",
    error: str | None = None,
) -> Span:
    """A span that began at `start` (UTC nanoseconds) and is what `identity` names among the rows of `source`.

    Without an `end` its duration is unknown. Attributes that are None or empty are left out; `error` is the message
    of a failure, '' for one without.
    """
    made = Span(
        trace_id=trace_id(source, trace or identity),
        span_id=span_id(source, identity),
        parent_span_id=span_id(source, parent) if parent else b"",
        name=name,
        start_time_unix_nano=start,
        end_time_unix_nano=end or 0,
    )
    if error is not None:
        made.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message=error))
    for key, value in {**attributes, IMPORTED_FROM: source}.items():
        if value is not None and value not in ("", []):
            made.attributes.append(KeyValue(key=key, value=_any(value)))
    return made


def bucket_identity(labels: Iterable[tuple[str, str]], start: int, end: int | None) -> str:
    """What makes a bucket itself: its time and everything it was grouped by, not what was counted in it."""
    return "\n".join([f"{start}-{end}", *sorted(f"{path}={value}" for path, value in labels)])


def request(records: Iterable[Record], imported_at: str = "") -> ExportTraceServiceRequest:
    """The spans as one OTLP request; its resource says when they were imported.

    Another time makes other bytes: the spool, which forgets no request for a day, would else take a second import for
    a repeat, also where what the first one stored has been deleted since.
    """
    made = ExportTraceServiceRequest()
    group = made.resource_spans.add()
    if imported_at:
        group.resource.attributes.append(KeyValue(key=IMPORTED_AT, value=_any(imported_at)))
    scopes: dict[str, Any] = {}
    for record in records:
        scope = scopes.get(record.scope)
        if scope is None:
            scope = scopes[record.scope] = group.scope_spans.add()
            scope.scope.name = record.scope
        scope.spans.append(record.span)
    return made


def _any(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, list):
        made = AnyValue()
        made.array_value.values.extend(_any(item) for item in value)
        return made
    return AnyValue(string_value=format(value, "f") if isinstance(value, Decimal) else str(value))
