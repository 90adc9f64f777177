"""Message content, in every shape it is sent, as one JSON shape: [{role, parts: [{type, content}]}]."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
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

LANGCHAIN_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}


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
    arguments = _first(function, "arguments", "args", "input")
    return {
        "type": "tool_call",
        "id": _first(inner, "id", "toolCallId"),
        "name": _first(function, "name", "toolName"),
        "arguments": parsed(arguments),
    }


def _first(held: Mapping[str, Any], *keys: str) -> Any:
    return next((held[key] for key in keys if held.get(key) is not None), None)


def _parts(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    content = parsed(message.get("content"))
    if isinstance(content, str):
        parts.append({"type": "text", "content": content})
    elif isinstance(content, list):
        for item in content:
            if isinstance(item, dict):
                if item.get("type") in ("tool-call", "tool_use"):
                    parts.append(_tool_call(item))
                    continue
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
    stated = message.get("role") or LANGCHAIN_ROLES.get(text(message.get("type")))
    return {"role": stated or role, "parts": _parts(message), **extra}


def from_indexed(flat: Mapping[str, Any], role: str) -> str:
    """`N.message.role`, `N.message.content`, ... (or without `message`) as the JSON shape; '' for nothing."""
    listed = nest(flat)
    if not isinstance(listed, list):
        return ""
    return json_text([canonical(item, role) for item in listed])


def from_value(value: str, role: str) -> str:
    """One attribute's content as the JSON shape: messages as they are, anything else as one text of `role`."""
    if value.startswith('[{"role"') and '"parts"' in value:
        return value  # already in shape: most spans, so it is not parsed again
    content = _within(parsed(value))
    if isinstance(content, list) and content and all(_is_message(item) for item in content):
        return json_text([canonical(item, role) for item in content])
    if isinstance(content, str):
        value = content
    return json_text([{"role": role, "parts": [{"type": "text", "content": value}]}])


def _within(content: Any) -> Any:
    """The messages inside a provider's request or answer; a lone result inside its wrapping; else `content`."""
    if not isinstance(content, dict):
        return content
    if isinstance(content.get("messages"), list):
        head = [{"role": "system", "content": content["system"]}] if isinstance(content.get("system"), str) else []
        return head + content["messages"]
    if isinstance(content.get("choices"), list):
        return [item.get("message") if isinstance(item, dict) else item for item in content["choices"]]
    if content.get("type") in LANGCHAIN_ROLES and isinstance(content.get("data"), dict):
        return [{"type": content["type"], **content["data"]}]
    if "role" in content:
        return [content]
    if isinstance(content.get("prompt"), str) and content.keys() <= {"prompt", "system"}:
        return [{"role": role, "content": content[key]} for key, role in _PROMPTS if content.get(key)]
    if len(content) == 1 and isinstance(only := content.get("output"), str):
        return only
    return content


_PROMPTS = (("system", "system"), ("prompt", "user"))


def _is_message(item: Any) -> bool:
    return isinstance(item, dict) and (
        "role" in item
        or isinstance(item.get("message"), dict)
        or ("content" in item and item.get("type") in LANGCHAIN_ROLES)
    )


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


def from_documents(flat: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`N.document.content`, `N.document.score`, ... as one message a document."""
    listed = nest(flat)
    found = (
        [item.get("document", item) for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    )
    return [
        {
            "role": "document",
            "parts": [{"type": "text", "content": text(item.get("content"))}],
            **{key: parsed(value) for key, value in item.items() if key != "content"},
        }
        for item in found
    ]


def with_tool_calls(messages: str, calls: Any) -> str:
    """The answer with the tool calls that its emitter kept beside it."""
    made = parsed(messages) if messages else []
    if not isinstance(made, list) or not isinstance(calls, list):
        return messages
    parts = [_tool_call(call) for call in calls]
    if made and isinstance(made[-1], dict) and isinstance(made[-1].get("parts"), list):
        made[-1]["parts"] = made[-1]["parts"] + parts
    else:
        made.append({"role": "assistant", "parts": parts})
    return json_text(made)


def preview(messages: str, *, last: bool) -> str:
    """The first words of the last user message (`last`), or of the last thing the model said, on one line.

    A message without text is passed over for one with text; without any, a tool's name stands for it.
    """
    if not messages:
        return ""
    if lone := _lone_text(messages):
        return _line(lone)
    content = parsed(messages)
    if not isinstance(content, list):
        return _line(messages)
    candidates = [item for item in content if isinstance(item, dict)]
    if len(candidates) > 1:
        role = "user" if last else "assistant"
        if chosen := [item for item in candidates if item.get("role") == role]:
            candidates = chosen[::-1]
        elif last:
            candidates = candidates[::-1]
    for key in ("content", "name"):
        for item in candidates:
            for part in item.get("parts") or ():
                if isinstance(part, dict) and (held := part.get(key)):
                    return _line(text(held))
    return ""


def _lone_text(messages: str) -> str:
    """How the text begins where there is one message of one text, as usual; '' where only a parser can tell."""
    at = messages.find('"content"', 0, 100)
    if at < 0 or not _opens(messages[:at]) or messages.count('"role"') != 1:
        return ""
    begin = at + 12 if messages[at + 9 : at + 12] == ': "' else at + 11 if messages[at + 9 : at + 11] == ':"' else 0
    end = messages.find('"', begin, begin + 2 * PREVIEW_CHARS)
    found = messages[begin : end if end >= 0 else begin + 2 * PREVIEW_CHARS]
    return found if begin and "\\" not in found else ""


@lru_cache(maxsize=256)
def _opens(head: str) -> bool:
    return re.fullmatch(r'\[\{"role": ?"\w+", ?"parts": ?\[\{"type": ?"text", ?', head) is not None


def _line(held: str) -> str:
    head = held[: PREVIEW_CHARS + 1]
    if head.isprintable() and "  " not in head and head[:1] != " ":  # one line already, which is cheap to see
        return head[:PREVIEW_CHARS].rstrip()
    return " ".join(held[: 2 * PREVIEW_CHARS].split())[:PREVIEW_CHARS]


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
