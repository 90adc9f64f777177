"""Reads, drops and cuts the content of other libraries' spans."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from opentelemetry.sdk.trace import Event

from spanledger import semconv
from spanledger._internal.content import messages
from spanledger._internal.content.capturing import PERMISSIONS, Permission
from spanledger._internal.content.fields import get
from spanledger._internal.content.foreign import family_of, side_of
from spanledger._internal.content.text import clean
from spanledger._internal.pricing.facts import fact_attributes
from spanledger.responses import extract_usage

_LENGTHS: Final = {"input": semconv.INPUT_LENGTH, "output": semconv.OUTPUT_LENGTH}
_ASKED: Final = (
    semconv.INPUT_MESSAGES, "llm.input_messages.", "gen_ai.prompt.", "gen_ai.prompt", "langfuse.observation.input",
    "mlflow.spanInputs", "pydantic_ai.all_messages", "request_data", "ai.prompt.messages", "traceloop.entity.input",
    "input.value", "input",
)  # fmt: skip
_ANSWERS: Final = ("response_data", "output.value", "langfuse.observation.output", "mlflow.spanOutputs")


def drop(attributes: dict[str, Any], allowed: Permission) -> None:
    """Take out what may not be sent, in place. Tokens that only the answer itself tells are read from it first."""
    if allowed == PERMISSIONS["on"]:
        return
    if not allowed.output:
        _keep_usage(attributes)
    shows = {"input": allowed.input, "output": allowed.output, "vector": allowed.vector}
    for key in [key for key in attributes if not shows.get(side_of(key) or "", True)]:
        del attributes[key]


def _keep_usage(attributes: dict[str, Any]) -> None:
    if any(semconv.USAGE_OUTPUT_TOKENS in key or "token" in key.lower() for key in attributes):
        return
    for key in _ANSWERS:
        answer = _parsed(attributes.get(key))
        facts = extract_usage(answer) if isinstance(answer, dict) else None
        if facts is not None and not facts.usage.is_empty:
            attributes.update({name: value for name, value in fact_attributes(facts).items() if name not in attributes})
            return


def cut(attributes: dict[str, Any], limit: int) -> None:
    """Cut content to about `limit` characters a side, in place, and set the whole's length where something was cut.

    A message list counts as one, however many attributes it is spread over; later texts are kept before earlier
    ones, and JSON stays JSON.
    """
    if sum(len(value) for value in attributes.values() if isinstance(value, str)) <= limit:
        return
    families: dict[tuple[str, str], list[str]] = {}
    for key, value in attributes.items():
        if isinstance(value, str) and (side := side_of(key)) in _LENGTHS:
            families.setdefault((side, family_of(key)), []).append(key)
    for (side, _), keys in families.items():
        total = sum(len(attributes[key]) for key in keys)
        if total <= limit:
            continue
        room = limit
        for key in reversed(keys):
            text: str = attributes[key]
            if len(text) > room:
                attributes[key] = shortened(text, room)
            room = max(0, room - len(text))
        name = _LENGTHS[side]
        attributes[name] = max(total, attributes.get(name, 0))


def shortened(text: str, limit: int) -> str:
    """Return the text with about `limit` characters of content left; JSON stays JSON."""
    held = _parsed(text)
    if not isinstance(held, (dict, list)):
        return text[:limit]
    room = limit
    for place, key in reversed(_leaves(held)):
        leaf: str = place[key]
        if len(leaf) > room:
            place[key] = leaf[:room]
        room = max(0, room - len(leaf))
    return clean(json.dumps(held, ensure_ascii=False))


# Short strings are a message's structure (its role, a part's type) or an id.
_SHORT: Final = 40


def _leaves(held: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [held]
    while waiting:
        place = waiting.pop()
        items: Any = place.items() if isinstance(place, dict) else enumerate(place)
        inner: list[Any] = []
        for key, value in items:
            if isinstance(value, str) and len(value) > _SHORT:
                found.append((place, key))
            elif isinstance(value, (dict, list)):
                inner.append(value)
        waiting.extend(reversed(inner))
    return found


def asked(attributes: Mapping[str, Any], events: Sequence[Event]) -> str:
    """Return the text of the last user message, wherever the span has it; "" where it has none."""
    for key in _ASKED:
        text = _indexed(attributes, key) if key.endswith(".") else _said(attributes.get(key))
        if text:
            return text
    for event in reversed(events):
        if event.name in ("gen_ai.user.message", "gen_ai.content.prompt"):
            held = event.attributes or {}
            text = _said(held.get("content", held.get("gen_ai.prompt")))
            if text:
                return text
    return ""


def _said(value: Any) -> str:
    if not isinstance(value, str) or not value:
        return ""
    held = _parsed(value)
    if isinstance(held, dict):
        for name in ("messages", "prompt", "contents", "input", "inputs", "query", "question"):
            if (inner := cast("dict[str, Any]", held).get(name)) is not None:
                held = inner
                break
    if isinstance(held, str):
        return held
    if isinstance(held, list) and held:
        rows = cast("list[Any]", held)
        while len(rows) == 1 and isinstance(rows[0], list):  # LangChain's batches
            rows = cast("list[Any]", rows[0])
        listed = [_message(item) for item in rows]
        return messages.last_user_text([message for message in listed if message])
    return value


def _message(item: Any) -> messages.Message:
    if isinstance(item, dict) and isinstance(inner := cast("dict[str, Any]", item).get("message"), dict):
        item = inner
    role = get(item, "role")
    if role is None and get(item, "type") == "human":
        role = "user"
    if isinstance(item, str):
        return messages.text_message("user", item)
    made = messages.from_arguments({"messages": [{**item, "role": role}]})[1] if isinstance(role, str) else []
    return made[0] if made and "parts" in made[0] else {}


def _indexed(attributes: Mapping[str, Any], prefix: str) -> str:
    """The last user message of `PREFIX.N.message.role`, `PREFIX.N.content`, ..."""
    roles: dict[str, str] = {}
    texts: dict[str, list[str]] = {}
    for key, value in attributes.items():
        if not key.startswith(prefix) or not isinstance(value, str):
            continue
        number, _, rest = key[len(prefix) :].partition(".")
        if not number.isdigit():
            continue
        leaf = rest.rpartition(".")[2]
        if leaf == "role":
            roles[number] = value
        elif leaf in ("content", "text"):
            texts.setdefault(number, []).append(_said(value) if value[:1] == "[" else value)
    numbers = sorted(texts, key=int, reverse=True)
    for number in [one for one in numbers if roles.get(one) == "user"] or numbers:
        return "\n".join(texts[number])
    return ""


def _parsed(value: Any) -> Any:
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
