"""Encoded requests, where they have to be taken apart."""

from __future__ import annotations

from typing import Any


def halves(body: bytes, *, is_logs: bool = False) -> list[tuple[bytes, int]]:
    """Return an OTLP request as two with half of its spans (or log records) each, and how many those are.

    One that holds a single span is returned as it is. Raises DecodeError where the bytes are no such request.
    """
    # Imported here for weight, as in the exporter.
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    kind: Any = ExportLogsServiceRequest if is_logs else ExportTraceServiceRequest
    groups, scopes, items = (
        ("resource_logs", "scope_logs", "log_records") if is_logs else ("resource_spans", "scope_spans", "spans")
    )
    whole = kind.FromString(body)
    count = sum(len(getattr(scope, items)) for group in getattr(whole, groups) for scope in getattr(group, scopes))
    if count < 2:
        return [(body, count)]
    middle = count // 2
    made: list[tuple[bytes, int]] = []
    for first, last in ((0, middle), (middle, count)):
        half = kind.FromString(body)
        position = 0
        for group in getattr(half, groups):
            for scope in getattr(group, scopes):
                held = getattr(scope, items)
                size = len(held)
                del held[max(0, min(size, last - position)) :]
                del held[: max(0, min(len(held), first - position))]
                position += size
            _drop_empty(getattr(group, scopes), items)
        _drop_empty(getattr(half, groups), scopes)
        made.append((half.SerializePartialToString(), last - first))
    return made


def _drop_empty(parts: Any, of: str) -> None:
    for index in reversed(range(len(parts))):
        if not getattr(parts[index], of):
            del parts[index]
