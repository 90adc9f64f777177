"""Fields of objects that may be dicts, models or anything: a missing or failing field is None."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast


def get(source: object, *names: str) -> Any:
    """Return the first of these keys or attributes that is not None. Attributes are anybody's code: errors are None."""
    if source is None:
        return None
    # Most are plain dicts, and asking an abstract class is the dearest line here.
    if type(source) is dict or isinstance(source, Mapping):
        mapping = cast("Mapping[str, Any]", source)
        for name in names:
            value = mapping.get(name)
            if value is not None:
                return value
        return None
    for name in names:
        try:
            value = getattr(source, name, None)
        except Exception:  # noqa: S112 - a property that fails says nothing about usage
            continue
        if value is not None:
            return value
    return None


def has(source: object, name: str) -> bool:
    """True if there is such a key, or such an attribute that is not None."""
    return name in source if isinstance(source, Mapping) else get(source, name) is not None


def count_of(source: object, *names: str) -> int | None:
    """Return the first of these fields that holds a non-negative whole number."""
    for name in names:
        value = get(source, name)
        if isinstance(value, bool):
            continue
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and value >= 0:
            return value
    return None


def text_of(value: object) -> str | None:
    """Return `value` if it is a string that is not empty."""
    return value if isinstance(value, str) and value else None
