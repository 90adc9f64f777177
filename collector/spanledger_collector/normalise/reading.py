"""A span's attributes, sorted by a dialect's rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from spanledger import semconv
from spanledger_collector.normalise import tables
from spanledger_collector.normalise.detection import Compiled
from spanledger_collector.normalise.dialect import Dialect
from spanledger_collector.normalise.values import json_label, plain, text


@dataclass(slots=True)
class Reading:
    """A span's attributes, sorted into fields, groups of indexed keys, and the rest."""

    fields: dict[str, Any]
    keys: dict[str, str]
    groups: dict[str, dict[str, Any]]
    rest: dict[str, str]
    warnings: list[str]

    def get(self, name: str) -> str:
        """The field's text, '' where it is unknown."""
        return self.fields.get(name) or ""


def read(names: Sequence[str], values: Sequence[AnyValue], compiled: Compiled) -> Reading:
    """Sort attributes by the dialect's rules; what a rule cannot read stays among the rest, with a warning.

    Runs for every attribute of every span: hence the locals, and no call for what is text already.
    """
    fields: dict[str, Any] = {}
    keys: dict[str, str] = {}
    rest: dict[str, str] = {}
    ranks: dict[str, int] = {}
    out = Reading(fields, keys, {}, rest, [])
    rule_of, groups = compiled.rules.get, compiled.groups
    for key, held in zip(names, values, strict=True):
        value = held.string_value or plain(held)
        rule = rule_of(key)
        if rule is not None:
            name, rank, reader, is_label = rule
            found = value if is_label and value and value.__class__ is str else reader(value)
            if found is None:
                if value not in (None, ""):
                    out.warnings.append(f"unreadable {key}")
                    rest[key] = text(value)
            elif name not in fields or rank < ranks[name]:
                fields[name] = found
                ranks[name] = rank
                keys[name] = key
        elif key.startswith(groups):
            for prefix in groups:
                if key.startswith(prefix):
                    out.groups.setdefault(prefix, {})[key[len(prefix) :]] = value
                    break
        else:
            rest[key] = value if value.__class__ is str else text(value)
    if compiled.dialect.inside:
        _look_inside(out, compiled.dialect)
    return out


def _look_inside(out: Reading, dialect: Dialect) -> None:
    """Fields that an object attribute holds; what of the object no field takes stays among the rest."""
    fields = out.fields
    for name, targets in dialect.inside.items():
        held = fields.pop(name, None)
        if held is None:
            continue
        whole = out.keys.pop(name)
        taken: set[str] = set()
        for target, paths in targets.items():
            for path in paths:
                value = _at(held, path)
                if value is None:
                    continue
                taken.add(path)
                if target not in fields and (found := tables.READERS[target](value)) is not None:
                    fields[target] = found
                    out.keys[target] = f"{whole}.{path}"
        out.rest.update({f"{whole}.{path}": text(value) for path, value in _untaken(held, "", taken)})


def _untaken(held: Any, prefix: str, taken: set[str]) -> Iterator[tuple[str, Any]]:
    if not isinstance(held, dict):
        return
    for key, value in held.items():
        path = prefix + key
        if any(one.startswith(f"{path}.") for one in taken):
            yield from _untaken(value, f"{path}.", taken)
        elif path not in taken:
            yield path, value


def _at(held: Any, path: str) -> Any:
    if isinstance(held, dict) and path in held:
        return held[path]
    for part in path.split("."):
        if isinstance(held, dict):
            held = held.get(part)
        elif isinstance(held, list) and part.isdigit() and int(part) < len(held):
            held = held[int(part)]
        else:
            return None
    return held


def metadata_of(reading: Reading, prefixes: tuple[str, ...]) -> dict[str, str]:
    """The user's own metadata; keys in it that mean one of our fields supply that field where it is unknown."""
    fields, groups = reading.fields, reading.groups
    metadata: dict[str, str] = {}
    if groups:
        for prefix in prefixes:
            for key, value in groups.pop(prefix, {}).items():
                # Some dialects encode each value as JSON; ours are sent as they are.
                metadata[key] = text(value) if prefix == semconv.METADATA_PREFIX else json_label(value) or ""
    if given := fields.get("metadata"):
        metadata.update(given)
    for key, value in metadata.items():
        target = tables.METADATA.get(key)
        if target is not None and value and target not in fields:
            fields[target] = value
    return metadata
