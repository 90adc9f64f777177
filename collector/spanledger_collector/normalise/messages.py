"""Message content, in every shape it is sent, as one JSON shape: [{role, parts: [{type, content}]}]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from spanledger_collector.normalise.values import json_text, parsed, text

PREVIEW_CHARS = 240

# Older OpenTelemetry conventions: one event a message; the role is in the event's name.
EVENT_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}


def nest(flat: Mapping[str, Any]) -> Any:
    """Dotted keys as nested objects; an object whose keys are all numbers becomes a list in their order."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        node = tree
        *path, leaf = key.split(".")
        for part in path:
            child = node.get(part)
            if not isinstance(child, dict):
                child = node[part] = {}
            node = child
        node[leaf] = value
    return _listed(tree)


def _listed(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isdigit() for key in node):
        return [_listed(node[key]) for key in sorted(node, key=int)]
    return {key: _listed(value) for key, value in node.items()}


def _tool_call(call: Any) -> dict[str, Any]:
    inner: dict[str, Any] = call.get("tool_call", call) if isinstance(call, dict) else {}
    held = inner.get("function")
    function: dict[str, Any] = held if isinstance(held, dict) else inner
    return {
        "type": "tool_call",
        "id": inner.get("id"),
        "name": function.get("name"),
        "arguments": parsed(function.get("arguments")),
    }


def _parts(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    content = parsed(message.get("content"))
    if isinstance(content, str):
        parts.append({"type": "text", "content": content})
    elif isinstance(content, list):
        for item in content:
            if isinstance(item, dict):
                held = item.get("text", item.get("content"))
                parts.append({"type": "text", "content": text(held)} if held is not None else item)
            else:
                parts.append({"type": "text", "content": text(item)})
    elif content is not None:
        parts.append({"type": "text", "content": text(content)})
    for item in message.get("contents") or ():
        inner = item.get("message_content", item) if isinstance(item, dict) else {"text": text(item)}
        kind = inner.get("type", "text")
        parts.append({"type": "text", "content": text(inner["text"])} if "text" in inner else {**inner, "type": kind})
    parts.extend(_tool_call(call) for call in message.get("tool_calls") or ())
    return parts


def canonical(message: Any, role: str = "user") -> dict[str, Any]:
    """One message of any provider's or dialect's shape as {role, parts}; extra keys are kept."""
    if not isinstance(message, dict):
        return {"role": role, "parts": [{"type": "text", "content": text(message)}]}
    message = message.get("message", message) if isinstance(message.get("message"), dict) else message
    if isinstance(message.get("parts"), list):
        return {"role": role, **message}
    known = {"role", "content", "contents", "tool_calls"}
    extra = {key: value for key, value in message.items() if key not in known}
    return {"role": message.get("role") or role, "parts": _parts(message), **extra}


def from_indexed(flat: Mapping[str, Any], role: str) -> str:
    """`N.message.role`, `N.message.content`, ... (or without `message`) as the JSON shape; '' for nothing."""
    listed = nest(flat)
    if not isinstance(listed, list):
        return ""
    return json_text([canonical(item, role) for item in listed])


def from_value(value: str, role: str) -> str:
    """One attribute's content as the JSON shape: messages as they are, anything else as one text of `role`."""
    if value.startswith('[{"role"'):
        return value  # already in shape: most spans, so it is not parsed again
    content = parsed(value)
    if isinstance(content, dict) and isinstance(content.get("messages"), list):
        content = content["messages"]
    if isinstance(content, list) and content and all(_is_message(item) for item in content):
        return json_text([canonical(item, role) for item in content])
    return json_text([{"role": role, "parts": [{"type": "text", "content": value}]}])


def _is_message(item: Any) -> bool:
    return isinstance(item, dict) and ("role" in item or isinstance(item.get("message"), dict))


def from_events(events: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[str, str]:
    """(input, output) from the older conventions' span events; '' where there are none."""
    given: list[dict[str, Any]] = []
    made: list[dict[str, Any]] = []
    for name, attributes in events:
        if role := EVENT_ROLES.get(name):
            given.append(canonical(dict(attributes), role))
        elif name == "gen_ai.choice":
            message = parsed(attributes.get("message", attributes.get("content")))
            made.append(canonical(message if isinstance(message, dict) else {"content": message}, "assistant"))
        elif name == "gen_ai.content.prompt":
            given.extend(_loose(attributes.get("gen_ai.prompt"), "user"))
        elif name == "gen_ai.content.completion":
            made.extend(_loose(attributes.get("gen_ai.completion"), "assistant"))
        elif name == "gen_ai.client.inference.operation.details":
            given.extend(_loose(attributes.get("gen_ai.input.messages"), "user"))
            made.extend(_loose(attributes.get("gen_ai.output.messages"), "assistant"))
    return (json_text(given) if given else "", json_text(made) if made else "")


def _loose(value: Any, role: str) -> list[dict[str, Any]]:
    if value is None:
        return []
    content = parsed(value)
    items = content if isinstance(content, list) else [content]
    return [canonical(item, role) for item in items]


def preview(messages: str, *, last: bool) -> str:
    """The first words of the last user message (`last`) or of the first message, on one line."""
    if not messages:
        return ""
    content = parsed(messages)
    if not isinstance(content, list):
        return " ".join(messages[: 2 * PREVIEW_CHARS].split())[:PREVIEW_CHARS]
    candidates = [item for item in content if isinstance(item, dict)]
    if last:
        users = [item for item in candidates if item.get("role") == "user"]
        candidates = (users or candidates)[::-1]
    for item in candidates:
        for part in item.get("parts") or ():
            if isinstance(part, dict) and (held := part.get("content") or part.get("name")):
                return " ".join(text(held)[: 2 * PREVIEW_CHARS].split())[:PREVIEW_CHARS]
    return ""


def cut(messages: str, limit: int) -> str:
    """The messages within about `limit` characters, still in shape: the longest texts are shortened."""
    if len(messages) <= limit:
        return messages
    content = parsed(messages)
    if not isinstance(content, list):
        return messages[:limit]
    texts = [part for item in content if isinstance(item, dict) for part in _text_parts(item)]
    share = max(limit // max(len(texts), 1) - 64, 32)
    for part in texts:
        part["content"] = part["content"][:share]
    shorter = json_text(content)
    return shorter if len(shorter) <= limit else shorter[:limit]


def _text_parts(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts = message.get("parts")
    listed = parts if isinstance(parts, list) else []
    return [part for part in listed if isinstance(part, dict) and isinstance(part.get("content"), str)]
