"""Message contents in the shapes that emitters use, read into one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ROLES = {"human": "user", "ai": "assistant", "model": "assistant", "developer": "system", "function": "tool"}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message: `text`, `tool call`, `tool result`, `reasoning`, or the name of what it is."""

    kind: str
    text: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What one role said."""

    role: str
    parts: tuple[Part, ...]


def parse(text: str, role: str) -> list[Message]:
    """The messages in `text`: GenAI parts, OpenAI or Anthropic messages, any other JSON, or plain text.

    `role` is whose words they are where the text does not say. Nothing is dropped: what is not understood appears
    as it came. Empty for ''.
    """
    if not text.strip():
        return []
    try:
        value = json.loads(text)
    except ValueError:
        return [Message(role, (Part("text", text),))]
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        value = value["messages"]
    items = value if isinstance(value, list) else [value]
    if items and all(isinstance(item, dict) and _speaks(item) for item in items):
        return [_message(item, role) for item in items]
    if items and all(isinstance(item, dict) and ("type" in item) for item in items):
        return [Message(role, tuple(_part(item) for item in items))]
    if isinstance(value, str):
        return [Message(role, (Part("text", value),))]
    return [Message(role, (Part("json", pretty(value)),))]


def pretty(value: Any) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _speaks(item: Mapping[str, Any]) -> bool:
    return "role" in item and any(key in item for key in ("parts", "content", "tool_calls", "reasoning_content"))


def _message(item: Mapping[str, Any], role: str) -> Message:
    said = str(item.get("role") or role).lower()
    return Message(ROLES.get(said, said), tuple(_parts(item)))


def _parts(item: Mapping[str, Any]) -> Iterator[Part]:
    reasoning = item.get("reasoning_content")
    if reasoning:
        yield Part("reasoning", _text(reasoning))
    body = item.get("parts", item.get("content"))
    if str(item.get("role")) in {"tool", "function"} and not isinstance(body, list):
        yield Part("tool result", _text(body), str(item.get("name") or item.get("tool_call_id") or ""))
    elif isinstance(body, list):
        for piece in body:
            yield _part(piece) if isinstance(piece, dict) else Part("text", _text(piece))
    elif body not in (None, ""):
        yield Part("text", _text(body))
    calls = item.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            yield Part("tool call", _loose(function.get("arguments")), str(function.get("name") or ""))
        else:
            yield Part("tool call", _text(call))


def _part(piece: Mapping[str, Any]) -> Part:
    kind = str(piece.get("type") or "text")
    name = str(piece.get("name") or piece.get("id") or piece.get("tool_use_id") or piece.get("call_id") or "")
    if kind in {"tool_call", "tool_use", "function_call"}:
        return Part("tool call", _loose(piece.get("arguments", piece.get("input"))), name)
    if kind in {"tool_call_response", "tool_result", "function_call_output"}:
        found = next((piece[k] for k in ("response", "result", "content", "output") if k in piece), None)
        return Part("tool result", _loose(found), name)
    if kind in {"reasoning", "thinking"}:
        return Part("reasoning", _text(piece.get("content") or piece.get("thinking") or piece.get("text")))
    if kind in {"text", "input_text", "output_text"}:
        return Part("text", _text(piece.get("content", piece.get("text", ""))))
    return Part(kind, pretty(piece))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else pretty(value)


def _loose(value: Any) -> str:
    """Arguments often are JSON inside a string."""
    if isinstance(value, str):
        try:
            return pretty(json.loads(value))
        except ValueError:
            return value
    return pretty(value)
