"""Arguments and results as GenAI messages: `[{"role": ..., "parts": [{"type": "text", "content": ...}]}]`.

Understands the message lists that the OpenAI, Anthropic and Google GenAI clients take and the responses they
give; everything else becomes one text part. Runs on the export thread.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from spanledger._internal.content.fields import get

Message = dict[str, Any]
_MAX_REPR: Final = 10_000


def plain(value: Any, depth: int = 0) -> Any:
    """Return `value` as JSON-able data: models and dataclasses as dicts, the rest as a short repr."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if depth > 12:
        return repr(value)[:200]
    if isinstance(value, Mapping):
        return {str(k): plain(v, depth + 1) for k, v in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, depth + 1) for item in cast("Sequence[Any]", value)]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        # Client packages answer unexpected fields with warnings; they are not the user's to see.
        return plain(dump(mode="json", exclude_none=True, warnings=False), depth + 1)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name, None), depth + 1) for f in dataclasses.fields(value)}
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"<{type(value).__name__} of shape {shape}>"
    return repr(value)[:_MAX_REPR]


def as_text(value: Any) -> str:
    """Return one string for any value: itself, or JSON."""
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)


def text_message(role: str, value: Any) -> Message:
    """Return a message with one text part."""
    return {"role": role, "parts": [{"type": "text", "content": as_text(value)}]}


def from_arguments(arguments: Mapping[str, Any]) -> tuple[list[Message], list[Message]]:
    """Return (system instructions, input messages) of a call's named arguments."""
    system: list[Message] = []
    for name in ("system", "system_instruction", "instructions"):
        if isinstance(arguments.get(name), str):
            system.append(text_message("system", arguments[name]))
    for name in ("messages", "contents", "input", "prompt"):
        given = arguments.get(name)
        if isinstance(given, str) and (name == "prompt" or system or "model" in arguments):
            return system, [text_message("user", given)]
        if isinstance(given, list) and given and all(_is_message(m) for m in cast("list[Any]", given)):
            return system, [_message(m) for m in cast("list[Any]", given)]
    if not arguments:
        return [], []
    values = list(arguments.values())
    only = values[0] if len(values) == 1 else None
    if isinstance(only, list) and only and all(_is_message(m) for m in cast("list[Any]", only)):
        return [], [_message(m) for m in cast("list[Any]", only)]
    return [], [text_message("user", only if isinstance(only, str) else arguments)]


def from_result(result: Any) -> list[Message]:
    """Return the output messages of a result; an empty list for None."""
    if result is None:
        return []
    if isinstance(result, str):
        return [text_message("assistant", result)]
    return _from_response(result) or [text_message("assistant", result)]


def from_items(items: Sequence[Any]) -> list[Message]:
    """Return the output message of a stream: its text pieces joined, or all its items as JSON."""
    if not items:
        return []
    if all(isinstance(item, bytes) for item in items):  # the body of a response
        items = [b"".join(items).decode("utf-8", "replace")]
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) == len(items):
        return [text_message("assistant", "".join(texts))]
    pieces = [piece for item in items if (piece := _piece(item)) is not None]
    if pieces:
        return [text_message("assistant", "".join(pieces))]
    return [text_message("assistant", list(items))]


def last_user_text(messages: Sequence[Message]) -> str:
    """Return the text of the last user message, or of all messages: what a query is embedded by."""
    for message in reversed(messages):
        if message.get("role") == "user" and (text := _texts(message)):
            return text
    return "\n".join(filter(None, map(_texts, messages)))


def _texts(message: Message) -> str:
    return "\n".join(p["content"] for p in message["parts"] if p.get("type") == "text" and p.get("content"))


def _is_message(value: Any) -> bool:
    if isinstance(value, str):
        return False
    return isinstance(get(value, "role"), str) and get(value, "content", "parts", "tool_calls") is not None


def _message(value: Any) -> Message:
    role = str(get(value, "role"))
    content = get(value, "content", "parts")
    call_id = get(value, "tool_call_id")
    if call_id is not None:
        return {
            "role": role,
            "parts": [{"type": "tool_call_response", "id": call_id, "result": as_text(content)}],
        }
    message: Message = {"role": role, "parts": _parts(content)}
    for call in get(value, "tool_calls") or ():
        function = get(call, "function")
        message["parts"].append(_tool_call(get(call, "id"), get(function, "name"), get(function, "arguments")))
    reason = get(value, "finish_reason")
    if isinstance(reason, str):
        message["finish_reason"] = reason
    return message


def _tool_call(identity: Any, name: Any, arguments: Any) -> dict[str, Any]:
    return {
        "type": "tool_call",
        "id": identity if isinstance(identity, str) else None,
        "name": name if isinstance(name, str) else "",
        "arguments": as_text(arguments if arguments is not None else {}),
    }


def _parts(content: Any) -> list[dict[str, Any]]:
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    if not isinstance(content, (list, tuple)):
        return [{"type": "text", "content": as_text(content)}]
    return [_part(block) for block in cast("Sequence[Any]", content)]


def _part(block: Any) -> dict[str, Any]:
    if isinstance(block, str):
        return {"type": "text", "content": block}
    kind = get(block, "type")
    if kind == "tool_use" or get(block, "function_call") is not None:
        call = get(block, "function_call") or block
        return _tool_call(get(call, "id"), get(call, "name"), get(call, "input", "args"))
    if kind == "tool_result":
        content = get(block, "content")
        return {"type": "tool_call_response", "id": get(block, "tool_use_id"), "result": as_text(content)}
    if kind in ("thinking", "reasoning") or get(block, "thought") is True:
        return {"type": "reasoning", "content": as_text(get(block, "thinking", "text", "summary") or "")}
    text = get(block, "text", "content")
    if isinstance(text, str):
        return {"type": "text", "content": text}
    if kind in ("image", "image_url", "input_image", "input_audio", "document", "file"):
        return {"type": str(kind), "content": f"<{kind}>"}
    return {"type": "text", "content": as_text(block)}


def _from_response(response: Any) -> list[Message]:
    choices = get(response, "choices")
    if isinstance(choices, (list, tuple)) and choices:
        messages: list[Message] = []
        for choice in cast("Sequence[Any]", choices):
            message = get(choice, "message")
            text = get(choice, "text")
            if message is not None and get(message, "role") is not None:
                built = _message(message)
            elif isinstance(text, str):
                built = text_message("assistant", text)
            else:
                return []
            built["finish_reason"] = get(choice, "finish_reason")
            messages.append(built)
        return messages
    output = get(response, "output")
    if get(response, "object") == "response" and isinstance(output, (list, tuple)):
        parts: list[dict[str, Any]] = []
        for item in cast("Sequence[Any]", output):
            if get(item, "type") == "function_call":
                parts.append(_tool_call(get(item, "call_id"), get(item, "name"), get(item, "arguments")))
            elif get(item, "type") == "message":
                parts.extend(_parts(get(item, "content")))
        return [{"role": "assistant", "parts": parts}]
    candidates = get(response, "candidates")
    if isinstance(candidates, (list, tuple)) and candidates:
        return [
            {"role": "assistant", "parts": _parts(get(get(candidate, "content"), "parts"))}
            for candidate in cast("Sequence[Any]", candidates)
        ]
    if _is_message(response):
        return [_message(response)]
    if get(response, "object") == "list" and isinstance(get(response, "data"), (list, tuple)):
        # Embeddings are numbers by the thousand: what matters is how many there are.
        return [text_message("assistant", f"<{len(get(response, 'data'))} embeddings>")]
    return []


def _piece(item: Any) -> str | None:
    """The text of one chunk of a provider's stream; None if it is not one."""
    choices = get(item, "choices")
    if isinstance(choices, (list, tuple)):
        text = get(get(choices[0], "delta"), "content") if choices else None
        return text if isinstance(text, str) else ""
    kind = get(item, "type")
    if kind in ("response.output_text.delta", "content_block_delta"):
        delta = get(item, "delta")
        text = delta if isinstance(delta, str) else get(delta, "text")
        return text if isinstance(text, str) else ""
    candidates = get(item, "candidates")
    if isinstance(candidates, (list, tuple)) and candidates:
        parts = get(get(candidates[0], "content"), "parts") or ()
        texts = [get(part, "text") for part in parts]
        return "".join(text for text in texts if isinstance(text, str))
    return "" if isinstance(kind, str) and kind.startswith(("response.", "message_", "content_block")) else None
