"""Messages as the JSON string of a span attribute, cut to a limit without becoming invalid."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from spanledger._internal.content.messages import Message

_TEXT_FIELDS = ("content", "result", "arguments")


def encode(messages: Sequence[Message], limit: int) -> tuple[str, int | None]:
    """Return (JSON, None), or (JSON of at most about `limit` characters of text, the whole text's length).

    Later messages keep their text before earlier ones: the last turn is what the call was about.
    """
    total = sum(len(part[name]) for part, name in texts(messages))
    if total > limit:
        room = limit
        for part, name in reversed(texts(messages)):
            text: str = part[name]
            if len(text) > room:
                part[name] = text[:room]
            room = max(0, room - len(text))
    return clean(json.dumps(messages, ensure_ascii=False)), total if total > limit else None


def clean(text: str) -> str:
    """Return `text` with lone surrogates replaced: protobuf strings are UTF-8, Python's need not be."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def texts(messages: Sequence[Message]) -> list[tuple[dict[str, Any], str]]:
    """Return where the messages' texts are: (part, name of its field)."""
    return [
        (part, name)
        for message in messages
        for part in message["parts"]
        for name in _TEXT_FIELDS
        if isinstance(part.get(name), str)
    ]
