"""Results and exceptions as JSON and back: plain data, dataclasses and pydantic models, and nothing else.

A recording is read by people and kept beside tests, and it must not become a way to run code: a class is only named,
found by its import path, and refused unless it is a pydantic model, a dataclass or an exception.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import importlib
import json
import math
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, cast
from uuid import UUID

_TAG: Final = "$"
_DEEPEST: Final = 100


class NotRecordable(TypeError):
    """A value that a recording cannot hold, with the reason and what to do."""


def encode(value: Any, depth: int = 0) -> Any:
    """Return `value` as JSON data; `NotRecordable` names what cannot be recorded."""
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if depth > _DEEPEST:
        raise NotRecordable(f"it is nested more than {_DEEPEST} deep")
    if kind is float:
        return value if math.isfinite(value) else {_TAG: "float", "value": repr(value)}
    if kind is list:
        return [encode(item, depth + 1) for item in value]
    if kind is dict:
        if all(type(key) is str for key in value) and _TAG not in value:
            return {key: encode(item, depth + 1) for key, item in value.items()}
        return {_TAG: "dict", "items": [[encode(k, depth + 1), encode(v, depth + 1)] for k, v in value.items()]}
    if kind in (tuple, set, frozenset):
        items = [encode(item, depth + 1) for item in value]
        return {_TAG: kind.__name__, "items": items if kind is tuple else sorted(items, key=_text)}
    if kind is bytes:
        return {_TAG: "bytes", "value": base64.b64encode(value).decode("ascii")}
    if kind in (Decimal, UUID):
        return {_TAG: kind.__name__.lower(), "value": str(value)}
    if kind in (datetime, date):
        return {_TAG: kind.__name__, "value": value.isoformat()}
    if _is_model(kind):
        data = value.model_dump(mode="json", by_alias=True, exclude_unset=True, warnings=False)
        return {_TAG: "model", "class": _class_name(kind), "data": data}
    if dataclasses.is_dataclass(value):
        # Not asdict: fields may be models.
        data = {each.name: encode(getattr(value, each.name), depth + 1) for each in dataclasses.fields(value)}
        return {_TAG: "dataclass", "class": _class_name(kind), "data": data}
    raise NotRecordable(
        f"a {kind.__module__}.{kind.__qualname__} is neither plain data nor a pydantic model nor a dataclass; return "
        "one of these, or (of a stream) observe the generator that yields its items"
    )


def decode(data: Any) -> Any:
    """Return the value that `encode` made `data` of."""
    if isinstance(data, list):
        return [decode(item) for item in cast("list[Any]", data)]
    if not isinstance(data, dict):
        return data
    held = cast("dict[str, Any]", data)
    kind = held.get(_TAG)
    if kind is None:
        return {key: decode(item) for key, item in held.items()}
    if kind in ("model", "dataclass"):
        return _rebuilt(kind, held)
    if kind == "dict":
        return {decode(key): decode(value) for key, value in held["items"]}
    if kind in _COLLECTIONS:
        return _COLLECTIONS[kind](decode(item) for item in held["items"])
    if kind in _SCALARS:
        return _SCALARS[kind](held["value"])
    raise NotRecordable(f"the recording holds a {kind!r}, which this version does not know")


def encode_error(error: Exception) -> dict[str, Any]:
    """Return an exception as JSON data: its class, its arguments, and those of its attributes that are plain."""
    attributes: dict[str, Any] = {}
    for name, value in vars(error).items():
        with suppress(NotRecordable):
            attributes[name] = encode(value)
    try:
        arguments = [encode(each) for each in error.args]
    except NotRecordable:
        arguments = [str(error)]
    return {"class": _class_name(type(error)), "args": arguments, "attributes": attributes}


def decode_error(data: Mapping[str, Any]) -> Exception:
    """Return an exception of the same class with the same arguments and plain attributes; its `__init__` is not run."""
    kind = _class_of(data["class"])
    if not issubclass(kind, Exception):
        raise NotRecordable(f"{data['class']} is no exception")
    error = kind.__new__(kind)
    error.args = tuple(decode(each) for each in data["args"])
    vars(error).update({name: decode(value) for name, value in data["attributes"].items()})
    return error


def canonical(value: Any, depth: int = 0) -> Any:
    """Return what of an argument decides whether two calls are the same, as JSON data.

    Never fails: an object that is no data counts by its type alone.
    """
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else repr(value)
    if depth > _DEEPEST:
        return "..."
    if isinstance(value, Mapping):
        members = cast("Mapping[Any, Any]", value)
        return {str(key): canonical(item, depth + 1) for key, item in members.items()}
    if isinstance(value, (list, tuple)):
        return [canonical(item, depth + 1) for item in cast("list[Any]", value)]
    if isinstance(value, (set, frozenset)):
        return sorted((canonical(item, depth + 1) for item in cast("set[Any]", value)), key=_text)
    if isinstance(value, (bytes, bytearray)):
        return {_TAG: "bytes", "sha256": hashlib.sha256(value).hexdigest()}
    if isinstance(value, (datetime, date, Decimal, UUID)):
        return str(value)
    if _is_model(kind):
        return {_TAG: _path(kind), **value.model_dump(mode="json", by_alias=True, warnings=False)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        data = {each.name: canonical(getattr(value, each.name), depth + 1) for each in dataclasses.fields(value)}
        return {_TAG: _path(kind), **data}
    if callable(value):
        return {_TAG: f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', kind.__qualname__)}"}
    return {_TAG: _path(kind)}


def _path(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True)


def _is_model(kind: type) -> bool:
    # A model can only be here if pydantic is.
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(kind, pydantic.BaseModel)


def _class_name(kind: type) -> str:
    generic: Any = getattr(kind, "__pydantic_generic_metadata__", None) or {}
    if (origin := generic.get("origin")) is not None:
        arguments = [_class_name(each) for each in generic["args"] if isinstance(each, type)]
        if len(arguments) == len(generic["args"]):
            return f"{_class_name(origin)}[{','.join(arguments)}]"
    if "<locals>" in kind.__qualname__:
        raise NotRecordable(f"{kind.__qualname__} is defined in a function and cannot be imported; define it outside")
    return f"{kind.__module__}:{kind.__qualname__}"


def _class_of(name: str) -> Any:
    origin, bracket, arguments = name.partition("[")
    module, _, path = origin.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise NotRecordable(f"{name} cannot be imported any more ({error}); record again with mode='record'") from error
    if bracket:
        found = found[tuple(_class_of(each) for each in arguments.removesuffix("]").split(","))]
    if not isinstance(found, type):
        raise NotRecordable(f"{name} is no class")
    return found


def _rebuilt(kind: str, held: Mapping[str, Any]) -> Any:
    found = _class_of(held["class"])
    if kind == "model" and _is_model(found):
        return found.model_validate(held["data"])
    if kind == "dataclass" and dataclasses.is_dataclass(found):
        # Not its __init__, whose parameters need not be the fields.
        made: Any = object.__new__(cast("type[Any]", found))
        for name, value in held["data"].items():
            object.__setattr__(made, name, decode(value))
        return made
    raise NotRecordable(f"{held['class']} is no {'pydantic model' if kind == 'model' else 'dataclass'}")


_COLLECTIONS: Final[Mapping[str, Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset}
_SCALARS: Final[Mapping[str, Any]] = {
    "float": float,
    "bytes": base64.b64decode,
    "decimal": Decimal,
    "uuid": UUID,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
}
