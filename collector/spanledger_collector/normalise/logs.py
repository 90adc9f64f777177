"""Log records, turned into rows: evaluation results, contents told beside a span, and a trace's own log lines."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from spanledger import semconv
from spanledger_collector.normalise import messages
from spanledger_collector.normalise.spans import Origin
from spanledger_collector.normalise.values import json_text, plain, text
from spanledger_store.control.joins import LONGEST_SUBJECT
from spanledger_store.signals import SignalBatch

logger = logging.getLogger(__name__)

GENAI = "gen_ai."
EVALUATION = "gen_ai.evaluation.result"
DETAILS = "gen_ai.client.inference.operation.details"
CONTENT_EVENTS = frozenset(messages.EVENT_ROLES) | {"gen_ai.choice", DETAILS}
RESPONSE_ID = "gen_ai.response.id"
EVENT_NAME = "event.name"
# Attributes that become columns of their own; a second copy would only cost room.
CONTENTS = (semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES, semconv.SYSTEM_INSTRUCTIONS, "gen_ai.tool.definitions")
# Attributes of the older events that are about the record and no part of the message.
ABOUT = frozenset({EVENT_NAME, "gen_ai.system", "gen_ai.provider.name", RESPONSE_ID})
# An ordinary log line beyond this is cut; its length is kept.
BODY_CHARS = 16_384
ATTRIBUTE_CHARS = 65_536


@dataclass(frozen=True, slots=True)
class Unread:
    """An item that no rule could turn into a row, with the reason; `payload` is a request that holds it alone."""

    payload: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a record tells of its span's content: JSON messages as in messages.py, '' where it tells nothing."""

    input: str = ""
    output: str = ""
    system: str = ""
    tools: str = ""
    role: str = ""


def event_name(record: LogRecord) -> str:
    """The record's event name, from its field or from the attribute that held it before there was one."""
    if record.event_name:
        return record.event_name
    return next((item.value.string_value for item in record.attributes if item.key == EVENT_NAME), "")


def normalise_logs(request: ExportLogsServiceRequest, origin: Origin, batch: SignalBatch, limit: int) -> list[Unread]:
    """Append every record's rows to `batch`; return the records for which that failed, each by itself.

    The same record twice in one request is two rows, and stays two however often the request is sent.
    """
    failed: list[Unread] = []
    seen: Counter[bytes] = Counter()
    position = 0
    for resource in request.resource_logs:
        shared = {item.key: text(plain(item.value)) for item in resource.resource.attributes}
        for scope in resource.scope_logs:
            for record in scope.log_records:
                position += 1
                try:
                    identity = _digest(record, scope.scope.name, shared)
                    seen[identity] += 1
                    digest = f"{identity.hex()}{seen[identity] if seen[identity] > 1 else ''}"
                    _append(record, digest, position, scope.scope.name, shared, origin, batch, limit)
                except Exception as error:
                    logger.exception("a log record could not be normalised")
                    alone = ExportLogsServiceRequest()
                    group = alone.resource_logs.add()
                    group.resource.CopyFrom(resource.resource)
                    inner = group.scope_logs.add()
                    inner.scope.CopyFrom(scope.scope)
                    inner.log_records.append(record)
                    failed.append(Unread(alone.SerializeToString(), f"{type(error).__name__}: {error}"))
    return failed


def _digest(record: LogRecord, scope: str, shared: Mapping[str, str]) -> bytes:
    held = hashlib.blake2b(record.SerializeToString(deterministic=True), digest_size=16)
    held.update(scope.encode())
    held.update(orjson.dumps(sorted(shared.items())))
    return held.digest()


def _append(
    record: LogRecord,
    digest: str,
    position: int,
    scope: str,
    shared: Mapping[str, str],
    origin: Origin,
    batch: SignalBatch,
    limit: int,
) -> None:
    attributes = {item.key: plain(item.value) for item in record.attributes}
    body = plain(record.body)
    name = event_name(record)
    time = record.time_unix_nano or record.observed_time_unix_nano or origin.received_at
    # A context is both ids or none; a span id of zeros says that the record is about the trace.
    trace = record.trace_id.hex() if any(record.trace_id) else ""
    span = record.span_id.hex() if trace and any(record.span_id) else ""
    told = _told(name, attributes, body) if name in CONTENT_EVENTS else Told()
    has_content = told != Told(role=told.role)
    given, made = _within(told.input, limit, "user"), _within(told.output, limit, "assistant")
    words = "" if body is None or has_content else text(body)
    held = attributes if isinstance(body, str) or body is None else {**body_fields(body), **attributes}
    response = text(held.get(RESPONSE_ID))[:LONGEST_SUBJECT]
    kept = {key: text(value)[:ATTRIBUTE_CHARS] for key, value in attributes.items() if key not in CONTENTS}
    if name == EVALUATION:
        kept = {key: text(value)[:ATTRIBUTE_CHARS] for key, value in held.items()}
        if trace:
            batch.rows["score_rows"].append(_score(kept, trace, span, time, scope, origin))
    batch.rows["log_rows"].append((
        origin.project, time, digest, trace, span, name, record.severity_text, response, words[:BODY_CHARS],
        len(words), kept, shared, scope, position, told.role, given, made, told.system[:limit], told.tools[:limit],
        len(told.input), len(told.output), messages.preview(told.input, last=True),
        messages.preview(told.output, last=False), origin.key, origin.received_at,
    ))  # fmt: skip


def body_fields(body: Any) -> dict[str, Any]:
    """A structured body's fields; earlier drafts put there what is now among the attributes."""
    return dict(body) if isinstance(body, dict) else {}


def _score(kept: Mapping[str, str], trace: str, span: str, time: int, scope: str, origin: Origin) -> tuple[Any, ...]:
    try:
        value = float(kept[semconv.EVALUATION_SCORE_VALUE])
    except (KeyError, ValueError):
        value = None
    return (
        origin.project, trace, span, "", kept.get(semconv.EVALUATION_NAME, ""), time, value,
        kept.get(semconv.EVALUATION_SCORE_LABEL, ""), kept.get(semconv.EVALUATION_EXPLANATION, ""),
        kept.get(semconv.EVALUATION_SOURCE) or scope, origin.received_at,
    )  # fmt: skip


def _told(name: str, attributes: Mapping[str, Any], body: Any) -> Told:
    fields = body_fields(body)
    if name == DETAILS:
        held = {**fields, **attributes}
        given, made = messages.from_events([(name, held)])
        return Told(_said(given), _said(made), text(held.get(CONTENTS[2])), text(held.get(CONTENTS[3])))
    # Before events had names of their own, the message was the body; some emitters put it among the attributes.
    message = fields or {key: value for key, value in attributes.items() if key not in ABOUT}
    if isinstance(body, str):
        message = {**message, "content": body}
    given, made = messages.from_events([(name, message)])
    return Told(_said(given), _said(made), role=messages.EVENT_ROLES.get(name, "assistant"))


def _said(held: str) -> str:
    """The messages that hold anything: with capture turned off, events come with empty ones."""
    found = [item for item in orjson.loads(held) if item.get("parts")] if held else []
    return json_text(found) if found else ""


def _within(held: str, limit: int, role: str) -> str:
    shorter = messages.cut(held, limit)
    if not shorter or shorter.endswith("]"):
        return shorter
    # Cut in the middle of something other than text; the join needs a list of messages.
    return json_text([{"role": role, "parts": [{"type": "text", "content": shorter}]}])
