"""Spans of any dialect, turned into the rows that the store takes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from spanledger import semconv
from spanledger.pricebook import Book
from spanledger.usage import Usage
from spanledger_collector.normalise import messages, tables, vectors
from spanledger_collector.normalise.content import content_of, first_chunk, tools_of, with_candidates
from spanledger_collector.normalise.detection import Compiled, by_keys, by_scope
from spanledger_collector.normalise.duplicates import mark_duplicates
from spanledger_collector.normalise.money import SERVICE_TIER, cost_of, tier_of, usage_of
from spanledger_collector.normalise.reading import Reading, metadata_of, read
from spanledger_collector.normalise.values import json_text, plain, text
from spanledger_store.columns import SpanBatch

logger = logging.getLogger(__name__)

SHORT_ATTRIBUTE = 1024
LONGEST_ATTRIBUTE = 65_536
NO_USAGE = Usage()
BILLABLE_KINDS = frozenset({"llm", "embedding"})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, and when it was acknowledged (UTC nanoseconds)."""

    project: str
    key: str
    received_at: int


@dataclass(frozen=True, slots=True)
class Context:
    """What all spans of one resource and scope share."""

    resource: dict[str, str]
    scope_name: str
    scope_version: str
    dialect: Compiled | None


@dataclass(slots=True)
class Unreadable:
    """A span that no rule could turn into a row, with the reason; `request` holds it alone, to be replayed."""

    request: ExportTraceServiceRequest
    reason: str


def normalise(
    request: ExportTraceServiceRequest, origin: Origin, batch: SpanBatch, limit: int, book: Book | None = None
) -> list[Unreadable]:
    """Append every span's rows to `batch`, priced by `book` where there is one; return the spans for which that failed.

    A span that cannot be read never keeps another one from being stored. A call that two instrumentations saw is
    billable once.
    """
    failed: list[Unreadable] = []
    first = len(batch.spans)
    for resource in request.resource_spans:
        shared = {item.key: text(plain(item.value)) for item in resource.resource.attributes}
        for scope in resource.scope_spans:
            context = Context(shared, scope.scope.name, scope.scope.version, by_scope(scope.scope.name))
            for span in scope.spans:
                try:
                    _append(span, context, origin, batch, limit, book)
                except Exception as error:
                    logger.exception("a span could not be normalised")
                    failed.append(Unreadable(_alone(resource, scope.scope, span), f"{type(error).__name__}: {error}"))
    mark_duplicates(batch.spans, first)
    return failed


def _alone(resource: ResourceSpans, scope: InstrumentationScope, span: Span) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.CopyFrom(resource.resource)
    inner = group.scope_spans.add()
    inner.scope.CopyFrom(scope)
    inner.spans.append(span)
    return request


def _kind(reading: Reading, compiled: Compiled) -> str:
    kinds = compiled.kinds
    if stated := reading.get("kind"):
        found = kinds.get(stated) or kinds.get(stated.upper())
        # A word of the sender's own is kept; a dialect's operation that we do not know yet is a plain span.
        return found or (stated.lower() if "." not in stated else "span")
    if operation := reading.get("operation"):
        return kinds.get(operation, "span")
    if compiled.hints and (told := _told(compiled.hints, reading)):
        return told
    fields = reading.fields
    if "output_tokens" in fields or "input_tokens" in fields:
        return "llm"
    return _told(tables.OTEL.hints, reading) or "span"


def _told(hints: Mapping[str, str], reading: Reading) -> str | None:
    return next((kind for key, kind in hints.items() if key in reading.rest), None)


def _append(span: Span, context: Context, origin: Origin, batch: SpanBatch, limit: int, book: Book | None) -> None:
    items = list(span.attributes)
    names = [item.key for item in items]
    compiled = context.dialect or by_keys(names)
    reading = read(names, [item.value for item in items], compiled)
    fields, rest, warnings = reading.fields, reading.rest, reading.warnings
    get = fields.get
    kind = _kind(reading, compiled)
    billable = kind in BILLABLE_KINDS and get("operation") != "fetch_response"
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    duration = end - start if end >= start else None
    if duration is None and end:  # 0 is how the protocol says unset
        warnings.append("end before start")
    events = [
        (event.name, {a.key: plain(a.value) for a in event.attributes}, event.time_unix_nano) for event in span.events
    ]
    error_type, message = get("error_type", ""), span.status.message
    for name, told, _ in events:
        if name == "exception":
            error_type = error_type or text(told.get("exception.type"))
            message = message or text(told.get("exception.message"))
    failed = span.status.code == 2 or bool(get("error_type", ""))

    provider = semconv.provider_name(fields["provider"]) if "provider" in fields else ""
    if provider in tables.FRAMEWORKS:
        provider = ""
    usage = usage_of(reading, provider, compiled.dialect.exclusive) if billable else NO_USAGE
    request_model = get("request_model", "")
    model = get("response_model", "") or request_model
    if not billable:
        # A parent's totals repeat its children's: kept to be seen, out of every sum.
        rest.update({reading.keys[name]: text(fields[name]) for name in tables.TOKEN_FIELDS if name in fields})
    # Ahead of the price, which may be a customer's own: the user's metadata may name the customer.
    metadata = metadata_of(reading, compiled.metadata)
    cost, source = None, ""
    if billable:
        tier = tier_of(reading, metadata)
        if tier:
            metadata[SERVICE_TIER] = tier
        cost, source = cost_of(usage, reading, provider, model, start, failed, tier, origin.project, book)
    free = source == "cache hit"
    total = cost.total if cost else 0 if free else None

    given, made = content_of(reading, events)
    if kind == "reranker" and (candidates := reading.groups.pop("reranker.input_documents.", None)):
        given = with_candidates(get("input", ""), candidates)
    given_length = get("input_length") or len(given)
    made_length = get("output_length") or len(made)
    system, definitions = get("system", ""), tools_of(reading)
    if max(len(given), len(made), len(system), len(definitions)) > limit:
        warnings.append("content truncated")
        given, made = messages.cut(given, limit), messages.cut(made, limit)
        system, definitions = system[:limit], definitions[:limit]

    may_hold = reading.groups or events or "vector" in fields or "vectors" in fields
    found = list(vectors.read(reading, kind, events)) if may_hold else []
    if found and kind == "embedding" and "vector" not in fields:
        made = ""  # the answer is the vector, kept where vectors are
    for prefix, flat in reading.groups.items():
        rest.update({prefix + key: text(value) for key, value in flat.items()})
    short, long = _split(rest, warnings)
    ids = (origin.project, span.trace_id.hex(), span.span_id.hex())
    shared = context.resource
    batch.spans.append((
        *ids, span.parent_span_id.hex(), span.name, kind, get("operation", ""), start, duration,
        first_chunk(reading, events, start), "error" if failed else "ok", error_type, message, provider,
        request_model, model,
        get("response_id", ""), get("finish_reason", ""), get("customer", ""), get("user", ""),
        get("session", ""), get("feature", ""), get("team", ""),
        get("environment", "") or _first(shared, "environment"),
        get("release", "") or _first(shared, "release"), _first(shared, "service"),
        get("prompt_name", ""), get("prompt_version", ""), get("tags") or [], metadata,
        usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens, usage.output_tokens,
        usage.reasoning_tokens, dict(usage.other), total,
        cost.input if cost else None, cost.cache_read if cost else None, cost.cache_write if cost else None,
        cost.output if cost else None, cost.other if cost else None, get("client_cost"), source, billable,
        get("cache_hit"), short, messages.preview(given, last=True), messages.preview(made, last=False),
        compiled.dialect.name, warnings, origin.key, origin.received_at, get("call_count") or 1,
    ))  # fmt: skip
    batch.content.append((
        *ids, start, given, made, system, definitions, given_length, made_length, long, shared, context.scope_name,
        context.scope_version, _events_json(events) if events else "", _links_json(span) if span.links else "",
        origin.received_at,
    ))  # fmt: skip
    for vector_model, vector in found:
        batch.embeddings.append((*ids, start, vector_model or model, vector, origin.received_at))


def _first(resource: Mapping[str, str], name: str) -> str:
    for key in tables.RESOURCE[name]:
        if value := resource.get(key):
            return value
    return ""


def _split(rest: dict[str, str], warnings: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Attributes that lists may read, and those long enough to be kept with the content."""
    long: dict[str, str] = {}
    for key in [key for key, value in rest.items() if len(value) > SHORT_ATTRIBUTE]:
        value = rest.pop(key)
        if len(value) > LONGEST_ATTRIBUTE:
            warnings.append(f"attribute {key} cut from {len(value)} characters")
        long[key] = value[:LONGEST_ATTRIBUTE]
    return rest, long


def _events_json(events: list[tuple[str, dict[str, Any], int]]) -> str:
    return json_text([{"name": name, "time": time, "attributes": attributes} for name, attributes, time in events])


def _links_json(span: Span) -> str:
    return json_text(
        [
            {
                "trace_id": link.trace_id.hex(),
                "span_id": link.span_id.hex(),
                "attributes": {item.key: plain(item.value) for item in link.attributes},
            }
            for link in span.links
        ]
    )
