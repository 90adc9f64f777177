"""What went in and what came out, from wherever a dialect puts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spanledger_collector.normalise import messages
from spanledger_collector.normalise.messages import nest
from spanledger_collector.normalise.reading import Reading
from spanledger_collector.normalise.values import json_text, text

Event = tuple[str, dict[str, Any], int]

# Events that mark the arrival of an answer's first piece.
FIRST_CHUNK = ("mlflow.chunk.item.", "gen_ai.content.completion.chunk", "llm.content.completion.chunk",
               "First Token Stream Event", "ai.stream.firstChunk")  # fmt: skip


def content_of(reading: Reading, events: Sequence[Event]) -> tuple[str, str]:
    """(input, output) in the shape of messages.py; '' where nothing is known."""
    given = made = ""
    if reading.groups:
        given, made = _from_groups(reading.groups)
    fields = reading.fields
    if not given and (value := fields.get("input")):
        given = messages.from_value(value, "user")
    if not made and (value := fields.get("output")):
        made = messages.from_value(value, "assistant")
    if "tool_calls" in fields:
        made = messages.with_tool_calls(made, fields["tool_calls"])
    if "message_events" in fields and not (given and made):
        told = [(text(item.get("event.name")), item) for item in fields["message_events"] if isinstance(item, dict)]
        asked, answered = messages.from_events(told)
        given, made = given or asked, made or answered
    if events and not (given and made):
        asked, answered = messages.from_events((name, attributes) for name, attributes, _ in events)
        given, made = given or asked, made or answered
    return given, made


def _from_groups(groups: dict[str, dict[str, Any]]) -> tuple[str, str]:
    asked = groups.pop("llm.input_messages.", None) or groups.pop("gen_ai.prompt.", None)
    given = messages.from_indexed(asked, "user") if asked else ""
    told = groups.pop("llm.output_messages.", None) or groups.pop("gen_ai.completion.", None)
    made = messages.from_indexed(told, "assistant") if told else ""
    if "retrieval.documents." in groups:
        made = json_text(messages.from_documents(groups.pop("retrieval.documents.")))
    if "reranker.output_documents." in groups:
        made = json_text(messages.from_documents(groups.pop("reranker.output_documents.")))
    if "llm.prompts." in groups and not given:
        given = _texts(groups.pop("llm.prompts."), "prompt", "user")
    if "llm.choices." in groups and not made:
        made = _texts(groups.pop("llm.choices."), "completion", "assistant")
    if "embedding.embeddings." in groups and not given:
        given = _texts(groups["embedding.embeddings."], "embedding", "user")
    return given, made


def _texts(flat: dict[str, Any], inner: str, role: str) -> str:
    listed = nest(flat)
    items = [item.get(inner, item) for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    found = [text(item["text"]) for item in items if isinstance(item, dict) and item.get("text") is not None]
    return json_text([{"role": role, "parts": [{"type": "text", "content": one}]} for one in found]) if found else ""


def with_candidates(given: str, flat: dict[str, Any]) -> str:
    """What a reranker was given: the query, then the documents."""
    query = [{"role": "user", "parts": [{"type": "text", "content": given}]}] if given else []
    return json_text(query + messages.from_documents(flat))


def tools_of(reading: Reading) -> str:
    """Definitions of the tools a model was offered, as JSON; '' for none."""
    if stated := reading.get("tools"):
        return stated
    if not reading.groups:
        return ""
    for prefix in ("llm.tools.", "llm.request.functions."):
        if flat := reading.groups.pop(prefix, None):
            listed = nest(flat)
            return _schemas(listed) if isinstance(listed, list) else json_text(listed)
    return ""


def _schemas(listed: list[Any]) -> str:
    """A JSON array of schemas that are JSON already, put together without parsing them."""
    found: list[str] = []
    for item in listed:
        tool = item.get("tool", item) if isinstance(item, dict) else item
        schema = tool.get("json_schema") if isinstance(tool, dict) else None
        found.append(schema if isinstance(schema, str) and schema.startswith("{") else json_text(tool))
    return f"[{','.join(found)}]"


def first_chunk(reading: Reading, events: Sequence[Event], start: int) -> int | None:
    """Nanoseconds from `start` to the first piece of the answer, as measured or as a moment; None if unknown."""
    fields = reading.fields
    measured = fields.get("ttft_ns")
    if measured is not None:
        return measured
    at = fields.get("first_chunk_at")
    if at is None and events:
        at = min((time for name, _, time in events if name.startswith(FIRST_CHUNK)), default=None)
    return at - start if at is not None and at >= start else None
