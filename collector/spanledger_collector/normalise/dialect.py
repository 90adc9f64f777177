"""How a dialect is written down: for each field, the attributes that may hold it, best first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from spanledger_collector.normalise.values import Reader, label

Source = str | tuple[str, Reader]
"""An attribute key, or a key with a reader of its own where its unit or encoding differs from the field's."""

Fields = Mapping[str, tuple[Source, ...]]


class Rule(NamedTuple):
    """What to do with one attribute: which field it feeds, how good it is, how it is read."""

    field: str
    rank: int
    read: Reader
    is_label: bool
    """Text is read as it is."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One convention for describing LLM calls in span attributes.

    | part | says |
    |---|---|
    | scopes | prefixes of instrumentation scope names that give the dialect away |
    | keys | attributes that do so where the scope does not: whole keys, or prefixes that end in a dot |
    | fields | field -> the attributes that may hold it, best first |
    | kinds | the dialect's words for a span's kind, or its operations, in ours |
    | hints | attributes whose presence tells the kind where it is not stated |
    | inside | field that holds an object -> (field -> paths inside that object, best first) |
    | exclusive | attribute or path that held a count -> providers ("" for all) for which input excludes cache |
    | indexed | prefixes of numbered attributes, assembled in content.py |
    | metadata | prefixes of attributes that are the user's own metadata |
    """

    name: str
    scopes: tuple[str, ...]
    keys: tuple[str, ...]
    fields: Fields
    kinds: Mapping[str, str] = field(default_factory=dict[str, str])
    hints: Mapping[str, str] = field(default_factory=dict[str, str])
    inside: Mapping[str, Mapping[str, tuple[str, ...]]] = field(
        default_factory=dict[str, Mapping[str, tuple[str, ...]]]
    )
    exclusive: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    indexed: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()


def compile_rules(readers: Mapping[str, Reader], *tables: Fields) -> dict[str, Rule]:
    """Attribute key -> rule, from tables in order of precedence; the first mention of a key wins."""
    rules: dict[str, Rule] = {}
    ranks: dict[str, int] = {}
    for table in tables:
        for name, sources in table.items():
            for source in sources:
                key, read = source if isinstance(source, tuple) else (source, readers[name])
                rank = ranks[name] = ranks.get(name, -1) + 1
                rules.setdefault(key, Rule(name, rank, read, read is label))
    return rules
