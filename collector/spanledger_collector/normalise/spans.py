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
from spanledger.usage import Usage
from spanledger_collector.normalise import messages, tables, vectors
from spanledger_collector.normalise.dialect import Dialect, Rule, compile_rules
from spanledger_collector.normalise.money import cost_of, usage_of
from spanledger_collector.normalise.reading import Reading, read
from spanledger_collector.normalise.values import json_text, plain, text
from spanledger_store.columns import SpanBatch

logger = logging.getLogger(__name__)

SHORT_ATTRIBUTE = 1024
LONGEST_ATTRIBUTE = 65_536
NO_USAGE = Usage()
BILLABLE_KINDS = frozenset({"llm", "embedding"})

_RULES: dict[str, dict[str, Rule]] = {
    dialect.name: compile_rules(tables.READERS, tables.OURS, dialect.fields, tables.OTEL.fields)
    for dialect in tables.DIALECTS
}


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
    dialect: Dialect | None


@dataclass(slots=True)
class Unreadable:
    """A span that no rule could turn into a row, with the reason; `request` holds it alone, to be replayed."""

    request: ExportTraceServiceRequest
    reason: str


def normalise(request: ExportTraceServiceRequest, origin: Origin, batch: SpanBatch, limit: int) -> list[Unreadable]:
    """Append every span's rows to `batch`; return the spans for which that failed.

    A span that cannot be read never keeps another one from being stored.
    """
    failed: list[Unreadable] = []
    for resource in request.resource_spans:
        shared = {item.key: text(plain(item.value)) for item in resource.resource.attributes}
        for scope in resource.scope_spans:
            context = Context(shared, scope.scope.name, scope.scope.version, _by_scope(scope.scope.name))
            for span in scope.spans:
                try:
                    _append(span, context, origin, batch, limit)
                except Exception as error:
                    logger.exception("a span could not be normalised")
                    failed.append(Unreadable(_alone(resource, scope.scope, span), f"{type(error).__name__}: {error}"))
    return failed


def _alone(resource: ResourceSpans, scope: InstrumentationScope, span: Span) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.CopyFrom(resource.resource)
    inner = group.scope_spans.add()
    inner.scope.CopyFrom(scope)
    inner.spans.append(span)
    return request


def _by_scope(scope: str) -> Dialect | None:
    for dialect in tables.DIALECTS:
        if scope.startswith(dialect.scopes):
            return dialect
    return None


def _by_keys(attributes: Any) -> Dialect:
    names = [item.key for item in attributes]
    for dialect in tables.DIALECTS:
        if any(name.startswith(dialect.keys) for name in names):
            return dialect
    return tables.OTEL


def _kind(reading: Reading, dialect: Dialect) -> str:
    if stated := reading.get("kind"):
        return dialect.kinds.get(stated) or dialect.kinds.get(stated.upper()) or stated.lower()
    if operation := reading.get("operation"):
        return tables.OTEL.kinds.get(operation, "span")
    fields = reading.fields
    if "output_tokens" in fields or "input_tokens" in fields:
        return "llm"
    if "http.request.method" in reading.rest or "http.method" in reading.rest:
        return "http"
    return "db" if "db.system" in reading.rest or "db.system.name" in reading.rest else "span"


def _append(span: Span, context: Context, origin: Origin, batch: SpanBatch, limit: int) -> None:
    dialect = context.dialect or _by_keys(span.attributes)
    reading = read(span.attributes, _RULES[dialect.name])
    fields, rest, warnings = reading.fields, reading.rest, reading.warnings
    kind = _kind(reading, dialect)
    billable = kind in BILLABLE_KINDS and fields.get("operation") != "fetch_response"
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    duration = end - start if end >= start else None
    if duration is None:
        warnings.append("end before start")
    events = [
        (event.name, {a.key: plain(a.value) for a in event.attributes}, event.time_unix_nano) for event in span.events
    ]
    error_type, message = reading.get("error_type"), span.status.message
    for name, attributes, _ in events:
        if name == "exception":
            error_type = error_type or text(attributes.get("exception.type"))
            message = message or text(attributes.get("exception.message"))
    failed = span.status.code == 2 or bool(reading.get("error_type"))

    provider = semconv.provider_name(reading.get("provider")) if reading.get("provider") else ""
    request_model = reading.get("request_model")
    model = reading.get("response_model") or request_model
    usage = usage_of(reading) if billable else NO_USAGE
    if not billable:
        # A parent's totals repeat its children's: kept to be seen, out of every sum.
        rest.update({reading.keys[name]: text(fields[name]) for name in tables.TOKEN_FIELDS if name in fields})
    cost, source = cost_of(usage, reading, model, start, failed) if billable else (None, "")
    free = source == "cache hit"
    total = cost.total if cost else 0 if free else None

    metadata = {k: text(v) for k, v in reading.groups.pop(semconv.METADATA_PREFIX, {}).items()}
    for key, value in (fields.get("metadata") or {}).items():
        target = dialect.metadata.get(key)
        if target is not None and target not in fields:
            fields[target] = value
        metadata[key] = value

    given, made = _content(reading, events)
    given_length = fields.get("input_length") or len(given)
    made_length = fields.get("output_length") or len(made)
    system, definitions = reading.get("system"), reading.get("tools")
    if max(len(given), len(made), len(system), len(definitions)) > limit:
        warnings.append("content truncated")
        given, made = messages.cut(given, limit), messages.cut(made, limit)
        system, definitions = system[:limit], definitions[:limit]

    found = list(vectors.read(reading))
    for prefix, flat in reading.groups.items():
        rest.update({prefix + key: text(value) for key, value in flat.items()})
    short, long = _split(rest, warnings)
    ids = (origin.project, span.trace_id.hex(), span.span_id.hex())
    shared = context.resource
    batch.spans.append((
        *ids, span.parent_span_id.hex(), span.name, kind, reading.get("operation"), start, duration,
        fields.get("ttft_ns"), "error" if failed else "ok", error_type, message, provider, request_model, model,
        reading.get("response_id"), reading.get("finish_reason"), reading.get("customer"), reading.get("user"),
        reading.get("session"), reading.get("feature"), reading.get("team"),
        reading.get("environment") or _first(shared, "environment"),
        reading.get("release") or _first(shared, "release"), _first(shared, "service"),
        reading.get("prompt_name"), reading.get("prompt_version"), fields.get("tags") or [], metadata,
        usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens, usage.output_tokens,
        usage.reasoning_tokens, dict(usage.other), total,
        cost.input if cost else None, cost.cache_read if cost else None, cost.cache_write if cost else None,
        cost.output if cost else None, cost.other if cost else None, fields.get("client_cost"), source, billable,
        fields.get("cache_hit"), short, messages.preview(given, last=True), messages.preview(made, last=False),
        dialect.name, warnings, origin.key, origin.received_at,
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


def _content(reading: Reading, events: list[tuple[str, dict[str, Any], int]]) -> tuple[str, str]:
    groups = reading.groups
    given = made = ""
    if groups:
        asked = groups.pop("llm.input_messages.", None) or groups.pop("gen_ai.prompt.", None)
        given = messages.from_indexed(asked, "user") if asked else ""
        told = groups.pop("llm.output_messages.", None) or groups.pop("gen_ai.completion.", None)
        made = messages.from_indexed(told, "assistant") if told else ""
    given = given or (messages.from_value(reading.get("input"), "user") if reading.get("input") else "")
    made = made or (messages.from_value(reading.get("output"), "assistant") if reading.get("output") else "")
    if events and not (given and made):
        told, answered = messages.from_events((name, attributes) for name, attributes, _ in events)
        given, made = given or told, made or answered
    return given, made


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
