"""A span's attributes, sorted by a dialect's rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from spanledger_collector.normalise import tables
from spanledger_collector.normalise.dialect import Rule
from spanledger_collector.normalise.values import plain, text


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


def read(attributes: Iterable[KeyValue], rules: Mapping[str, Rule]) -> Reading:
    """Sort attributes by the dialect's rules; what a rule cannot read stays among the rest, with a warning."""
    fields: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    out = Reading(fields, {}, {}, {}, [])
    for item in attributes:
        key = item.key
        value = plain(item.value)
        rule = rules.get(key)
        if rule is not None:
            found = rule.read(value)
            if found is None:
                if value not in (None, ""):
                    out.warnings.append(f"unreadable {key}")
                    out.rest[key] = text(value)
            elif rule.rank < ranks.get(rule.field, 1000):
                fields[rule.field] = found
                ranks[rule.field] = rule.rank
                out.keys[rule.field] = key
        elif key.startswith(tables.INDEXED):
            for prefix in tables.INDEXED:
                if key.startswith(prefix):
                    out.groups.setdefault(prefix, {})[key[len(prefix) :]] = value
                    break
        else:
            out.rest[key] = text(value)
    return out
