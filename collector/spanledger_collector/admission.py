"""What is checked before a request is acknowledged: only what would make a span impossible to store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

# The range of the store's nanosecond times, less a margin: outside it a time is damage, not data.
EARLIEST_NS = 946_684_800_000_000_000  # 2000-01-01
LATEST_NS = 4_102_444_800_000_000_000  # 2100-01-01
SKEW_NS = 24 * 3600 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What of a request was taken: `refused` holds the items that were not, in a request of their own.

    `changed` is True where the request no longer holds all that was sent.
    """

    accepted: int
    refused: Message | None
    rejected: int
    message: str
    changed: bool


def refusal_reason(span: Span) -> str | None:
    """Why this span cannot be stored, or None."""
    if len(span.trace_id) != 16 or not any(span.trace_id):
        return "trace_id is not 16 bytes or is all zero"
    if len(span.span_id) != 8 or not any(span.span_id):
        return "span_id is not 8 bytes or is all zero"
    if not EARLIEST_NS <= span.start_time_unix_nano < LATEST_NS:
        return f"start_time_unix_nano {span.start_time_unix_nano} is outside 2000 to 2100"
    return None


def _warning(span: Span, now: int) -> str | None:
    if 0 < span.end_time_unix_nano < span.start_time_unix_nano:
        return "end before start: stored with unknown duration"
    if abs(span.start_time_unix_nano - now) > 366 * SKEW_NS:
        return "start time is more than a year from now: stored as sent, check the sender's clock"
    return None


def admit(request: ExportTraceServiceRequest, now: int) -> Verdict:
    """Sort spans into taken and refused; refused ones are moved out of `request`.

    `now` is UTC nanoseconds. Taken spans may come with a warning: OTLP allows a message beside zero rejections.
    """
    accepted = rejected = 0
    reasons: Counter[str] = Counter()
    refused: ExportTraceServiceRequest | None = None
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            bad: list[Span] = []
            for span in scope.spans:
                reason = refusal_reason(span)
                if reason is not None:
                    bad.append(span)
                    reasons[reason] += 1
                elif warning := _warning(span, now):
                    reasons[warning] += 1
            accepted += len(scope.spans) - len(bad)
            if bad:
                rejected += len(bad)
                if refused is None:
                    refused = ExportTraceServiceRequest()
                group = refused.resource_spans.add()
                group.resource.CopyFrom(resource.resource)
                inner = group.scope_spans.add()
                inner.scope.CopyFrom(scope.scope)
                inner.spans.extend(bad)
                kept = [span for span in scope.spans if refusal_reason(span) is None]
                del scope.spans[:]
                scope.spans.extend(kept)
    message = told(reasons, "span(s)")
    return Verdict(accepted, refused, rejected, message, refused is not None)


def told(reasons: Counter[str], items: str) -> str:
    """What to tell a sender: the commonest reasons, each with how many it is about."""
    return "; ".join(f"{count} {items}: {reason}" for reason, count in reasons.most_common(5))
