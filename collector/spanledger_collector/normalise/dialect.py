"""How a dialect is written down: for each field, the attributes that may hold it, best first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from spanledger_collector.normalise.values import Reader

Source = str | tuple[str, Reader]
"""An attribute key, or a key with a reader of its own where its unit differs from the field's."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do with one attribute: which field it feeds, how good it is, how it is read."""

    field: str
    rank: int
    read: Reader


@dataclass(frozen=True, slots=True)
class Dialect:
    """One convention for describing LLM calls in span attributes.

    `scopes` are prefixes of instrumentation scope names, `keys` attributes (a trailing dot or star-less prefix) whose
    presence gives the dialect away where the scope does not. `fields` lists sources, best first. `kinds` maps the
    dialect's own words for a span's kind to ours.
    """

    name: str
    scopes: tuple[str, ...]
    keys: tuple[str, ...]
    fields: Mapping[str, tuple[Source, ...]]
    kinds: Mapping[str, str] = field(default_factory=dict[str, str])
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    """Keys inside the dialect's metadata object that mean one of our fields."""


def compile_rules(readers: Mapping[str, Reader], *tables: Mapping[str, tuple[Source, ...]]) -> dict[str, Rule]:
    """Attribute key -> rule, from tables in order of precedence; the first mention of a key wins."""
    rules: dict[str, Rule] = {}
    ranks: dict[str, int] = {}
    for table in tables:
        for name, sources in table.items():
            for source in sources:
                key, read = source if isinstance(source, tuple) else (source, readers[name])
                rank = ranks[name] = ranks.get(name, -1) + 1
                rules.setdefault(key, Rule(name, rank, read))
    return rules
