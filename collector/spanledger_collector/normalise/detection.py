"""Which dialect a span speaks: its scope's name says so, or its attributes' keys do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spanledger_collector.normalise import tables
from spanledger_collector.normalise.dialect import Dialect, Rule, compile_rules


@dataclass(frozen=True, slots=True)
class Compiled:
    """A dialect with its fallbacks, made ready for one pass over a span's attributes."""

    dialect: Dialect
    rules: Mapping[str, Rule]
    groups: tuple[str, ...]
    """Prefixes of attributes that belong together."""
    metadata: tuple[str, ...]
    kinds: Mapping[str, str]
    hints: Mapping[str, str]
    """Attributes that tell the kind even where tokens are on the span."""


def _compile(dialect: Dialect) -> Compiled:
    metadata = tuple(dict.fromkeys((*dialect.metadata, *tables.OTEL.metadata)))
    return Compiled(
        dialect,
        compile_rules(tables.READERS, tables.OURS, dialect.fields, tables.OTEL.fields),
        tuple(dict.fromkeys((*dialect.indexed, *metadata, *tables.OTEL.indexed))),
        metadata,
        {**tables.OTEL.kinds, **dialect.kinds},
        {} if dialect is tables.OTEL else dialect.hints,
    )


COMPILED: tuple[Compiled, ...] = tuple(_compile(dialect) for dialect in tables.DIALECTS)
_LAST = len(COMPILED) - 1

# Keys repeat from span to span, so what a key says is remembered; bounded, because they come from outside.
_SIGNS: dict[str, int] = {}
_MOST_SIGNS = 10_000


def by_scope(scope: str) -> Compiled | None:
    """The dialect whose scope this is; a name matches itself, what is below it, or what begins with its dot or dash."""
    for compiled in COMPILED:
        for name in compiled.dialect.scopes:
            if scope == name or scope.startswith(name if name[-1] in ".-/" else f"{name}."):
                return compiled
    return None


def by_keys(names: Sequence[str]) -> Compiled:
    """The most particular dialect that one of the keys gives away; OpenTelemetry's for lack of any."""
    try:
        return COMPILED[min([_SIGNS[name] for name in names], default=_LAST)]
    except KeyError:  # a key not seen before
        return COMPILED[min(map(_sign, names))]


def _sign(key: str) -> int:
    found = _LAST
    for rank, compiled in enumerate(COMPILED):
        if any(key == sign or (sign[-1] == "." and key.startswith(sign)) for sign in compiled.dialect.keys):
            found = rank
            break
    if len(_SIGNS) < _MOST_SIGNS:
        _SIGNS[key] = found
    return found
