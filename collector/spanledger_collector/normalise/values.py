"""Attribute values as the wire has them, read as the types our columns want.

A reader returns None for a value it cannot read; the caller keeps the original text and notes a warning.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

# Above this a count is damage: it also keeps every sum inside 64 bits.
LARGEST_COUNT = 1 << 48
# The widest amount one span's Decimal(18, 12) column takes.
LARGEST_COST = Decimal(999_999)

Reader = Callable[[Any], Any]


def plain(value: AnyValue) -> Any:
    """The Python value an AnyValue stands for; None where it is empty."""
    if held := value.string_value:  # nearly always, and asking for it is cheaper than asking what there is
        return held
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: plain(item.value) for item in value.kvlist_value.values}
    return getattr(value, kind) if kind else None


def text(value: Any) -> str:
    """Any value as text: JSON where it has structure, never an error."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list | dict):
        return json_text(value)
    return str(value)


def json_text(value: Any) -> str:
    """Structured values as compact JSON; bytes inside become base64."""
    return orjson.dumps(value, default=text, option=orjson.OPT_NON_STR_KEYS).decode()


def parsed(value: Any) -> Any:
    """A JSON string as what it holds; anything else, broken JSON included, unchanged."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def count(value: Any) -> int | None:
    """A whole number from 0, as int, integral float or digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() and len(value) < 16 else None
    elif isinstance(value, float):
        value = int(value) if value.is_integer() else None
    return value if isinstance(value, int) and 0 <= value < LARGEST_COUNT else None


def seconds(value: Any) -> int | None:
    """Seconds as nanoseconds."""
    return _scaled(value, 1_000_000_000)


def milliseconds(value: Any) -> int | None:
    """Milliseconds as nanoseconds."""
    return _scaled(value, 1_000_000)


def _scaled(value: Any, unit: int) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return round(number * unit) if math.isfinite(number) and 0 <= number < 1e9 else None


def dollars(value: Any) -> Decimal | None:
    """US dollars to 12 places; a float goes through its shortest decimal form."""
    if isinstance(value, bool):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount <= LARGEST_COST:
        return None
    return amount.quantize(Decimal("1e-12"))


def moment(value: Any) -> int | None:
    """An ISO 8601 time, bare or as JSON, in nanoseconds since 1970; without a zone it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.strip('"').replace("Z", "+00:00"))
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return int(found.replace(microsecond=0).timestamp()) * 1_000_000_000 + found.microsecond * 1000


def flag(value: Any) -> bool | None:
    """A boolean, or the words for one."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def words(value: Any) -> list[str] | None:
    """A list of strings, from an array or its JSON; a lone string is a list of one."""
    value = parsed(value)
    if isinstance(value, list):
        return [text(item) for item in value]
    return [value] if isinstance(value, str) and value else None


def first_word(value: Any) -> str | None:
    """The first string of a list, or the string itself."""
    found = words(value)
    return found[0] if found else None


def comma_words(value: Any) -> list[str] | None:
    """A list of strings, from an array or from text with commas between."""
    if isinstance(value, str):
        return [word for part in value.split(",") if (word := part.strip())] or None
    return words(value)


def structure(value: Any) -> dict[str, Any] | list[Any] | None:
    """A JSON object or array as it is, or as its text."""
    value = parsed(value)
    return value if isinstance(value, dict | list) else None


def mapping(value: Any) -> dict[str, str] | None:
    """A JSON object as a map of texts."""
    value = parsed(value)
    return {str(key): text(item) for key, item in value.items()} if isinstance(value, dict) else None


def label(value: Any) -> str | None:
    """Text that is not empty."""
    found = text(value)
    return found or None


def json_label(value: Any) -> str | None:
    """Text that is not empty; a string that was encoded as JSON is the string itself."""
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return label(value)


def json_items(value: Any) -> str | None:
    """A list whose items may each be encoded as JSON, as one JSON text."""
    value = parsed(value)
    return json_text([parsed(item) for item in value]) if isinstance(value, list) else label(value)


def json_texts(value: Any) -> str | None:
    """Texts, each encoded as JSON, as one user message each in the shape of messages.py."""
    items = value if isinstance(value, list) else [value]
    texts = [found for item in items if (found := json_label(item))]
    if not texts:
        return None
    return json_text([{"role": "user", "parts": [{"type": "text", "content": item}]} for item in texts])


_VERCEL_PROVIDERS = {
    "amazon-bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "azure-openai": "azure.ai.openai",
    "google": "gcp.gemini",
    "google-vertex": "gcp.vertex_ai",
    "vertex": "gcp.vertex_ai",
    "togetherai": "together_ai",
}


def vercel_provider(value: Any) -> str | None:
    """The provider before the API in `openai.responses`, `google.vertex.chat`, `amazon-bedrock`, ..."""
    found = label(value)
    if found is None:
        return None
    if found.startswith("google.vertex"):
        return "gcp.vertex_ai"
    head = found.partition(".")[0].lower()
    return _VERCEL_PROVIDERS.get(head, head)
