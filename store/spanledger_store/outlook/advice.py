"""What else the same calls would have cost: another model, the batch class, a cache; exact arithmetic on their tokens.

Nothing here is guessed. A saving is a sum over calls that were made, at prices of the list on their days, and says what
it rests on; where something is not known (a price, a score, a text) there is no number, and `missing` says what that
is. Savings of different kinds are about the same calls: they are not to be added.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from spanledger.pricing import price
from spanledger.usage import Usage
from spanledger_store.control.budgets import plain

_EXACT: Final = Context(prec=60)
_PLACES: Final = Decimal("1e-12")
_ZERO: Final = Decimal(0)
_NOON: Final = timedelta(hours=12)
_STEP: Final = 1000
# Fewer sessions say nothing of a mean.
ENOUGH: Final = 20
_NORMAL_95: Final = 1.96
EXAMPLES: Final = 3


class Kind(StrEnum):
    """What is advised."""

    MODEL = "model"
    PROMPT_CACHE = "prompt-cache"
    SEMANTIC_CACHE = "semantic-cache"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Sample:
    """Scores of one name over sessions: their mean and variance (None below two)."""

    units: int
    mean: float
    variance: float | None


@dataclass(frozen=True, slots=True)
class Quality:
    """A score of the calls as they are, beside that of the candidate's calls of the same feature, if it has any.

    The interval is of the difference of means, candidate less present, at 95 % (Welch, normal); its unit is the
    session. The null is that both means are equal. It is None with fewer than 20 sessions on a side.
    """

    name: str
    here: Sample
    there: Sample | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Low and high end of the difference."""
        there = self.there
        if there is None or min(self.here.units, there.units) < ENOUGH:
            return None
        if self.here.variance is None or there.variance is None:
            return None
        spread = math.sqrt(self.here.variance / self.here.units + there.variance / there.units)
        middle = there.mean - self.here.mean
        return middle - _NORMAL_95 * spread, middle + _NORMAL_95 * spread

    @property
    def verdict(self) -> str:
        """`unknown`, `no difference shown`, `lower` or `higher` (which of these is worse is the score's own affair)."""
        if self.interval is None:
            return "unknown"
        low, high = self.interval
        return "lower" if high < 0 else "higher" if low > 0 else "no difference shown"

    def as_json(self) -> dict[str, Any]:
        """The score as JSON takes it."""
        there = self.there
        return {
            "name": self.name,
            "sessions": self.here.units,
            "mean": round(self.here.mean, 6),
            "candidate_sessions": there.units if there else 0,
            "candidate_mean": round(there.mean, 6) if there else None,
            "difference_95": [round(each, 6) for each in self.interval] if self.interval else None,
            "verdict": self.verdict,
        }


@dataclass(frozen=True, slots=True)
class Advice:
    """One way to have spent less on a feature's calls. `saved_usd` is None where evidence is missing.

    | field | |
    |---|---|
    | candidate | the model that would answer, '' where it stays |
    | calls, cost_usd | the calls it rests on, and what they cost |
    | basis | what was counted, in words |
    | is_best | of several candidates for the same calls, the one to be looked at first |
    | examples | trace ids of the dearest of these calls |
    """

    kind: Kind
    feature: str
    provider: str
    model: str
    candidate: str
    calls: int
    cost_usd: Decimal
    saved_usd: Decimal | None
    basis: str
    missing: tuple[str, ...] = ()
    quality: tuple[Quality, ...] = ()
    examples: tuple[str, ...] = ()
    is_best: bool = True

    def as_json(self) -> dict[str, Any]:
        """The line as JSON takes it; amounts are strings of all their digits."""
        return {
            "kind": self.kind.value,
            "feature": self.feature,
            "provider": self.provider,
            "model": self.model,
            "candidate": self.candidate or None,
            "calls": self.calls,
            "cost_usd": plain(self.cost_usd),
            "saved_usd": None if self.saved_usd is None else plain(self.saved_usd),
            "basis": self.basis,
            "missing": list(self.missing),
            "quality": [each.as_json() for each in self.quality],
            "example_traces": list(self.examples),
            "is_best": self.is_best,
        }


@dataclass(frozen=True, slots=True)
class Calls:
    """Sums of calls of one feature, model, UTC day and size of prompt (in thousands of tokens), as the store has them.

    `origin` is where their price is from: `list`, `own`, or `class` (batch and flex); `waits` where somebody waited.
    """

    feature: str
    provider: str
    model: str
    operation: str
    origin: str
    waits: bool
    fit: bool
    day: int
    size: int
    calls: int
    usage: Usage
    cost: Decimal
    example: str = ""
    dearest: Decimal = _ZERO

    @property
    def noon(self) -> datetime:
        """The moment whose prices stand for the day."""
        return datetime.fromtimestamp(self.day, UTC) + _NOON

    def priced(self, provider: str, model: str, service: str = "") -> tuple[Decimal, str] | None:
        """What they would cost there by the list, and its source; None where it does not know."""
        found = price(
            self.usage, provider=provider or None, model=model, at=self.noon, calls=self.calls, service=service
        )
        return None if found is None else (found.total, found.source)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum, at twelve places."""
    found = _ZERO
    for each in amounts:
        found = _EXACT.add(found, each)
    return found.quantize(_PLACES, context=_EXACT)


def examples(rows: Iterable[Calls]) -> tuple[str, ...]:
    """Traces of the dearest calls."""
    ordered = sorted(rows, key=lambda row: (-row.dearest, row.example))
    return tuple(dict.fromkeys(row.example for row in ordered if row.example))[:EXAMPLES]


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars per token of uncached input, of input read from a cache and written to it."""

    input: Decimal
    read: Decimal
    write: Decimal


@lru_cache(maxsize=16_384)
def rates(provider: str, model: str, day: int, size: int) -> Rates | None:
    """The list's rates for prompts of that many thousand tokens on a UTC day; None where it does not know the model."""
    tokens, at = (size + 1) * _STEP, datetime.fromtimestamp(day, UTC) + _NOON
    found: list[Decimal] = []
    for usage in (Usage(tokens, 0, 0, 0), Usage(0, tokens, 0, 0), Usage(0, 0, tokens, 0)):
        cost = price(usage, provider=provider or None, model=model or None, at=at)
        if cost is None:
            return None
        found.append(_EXACT.divide(cost.total, Decimal(tokens)))
    return Rates(*found)


def saved_by_caching(rows: Iterable[Mapping[str, Any]]) -> tuple[Decimal | None, int]:
    """What reading the `missed_tokens` of some rows would have saved, less the dearer writing of `unwritten_tokens`.

    And how many tokens that are missed have no cache price; None where none has one.
    """
    saved, known, unknown = _ZERO, 0, 0
    for row in rows:
        missed, unwritten = row["missed_tokens"], row["unwritten_tokens"]
        found = rates(row["provider_name"], row["model_name"], row["day"], row["size"])
        if found is None or found.read >= found.input:
            unknown += missed
            continue
        known += missed
        saved = _EXACT.add(saved, _EXACT.multiply(found.input - found.read, Decimal(missed)))
        saved = _EXACT.subtract(saved, _EXACT.multiply(max(found.write - found.input, _ZERO), Decimal(unwritten)))
    return (saved.quantize(_PLACES, context=_EXACT) if known else None), unknown


def grouped(rows: Iterable[Calls], *names: str) -> dict[tuple[str, ...], list[Calls]]:
    """The rows by these fields."""
    found: defaultdict[tuple[str, ...], list[Calls]] = defaultdict(list)
    for row in rows:
        found[tuple(getattr(row, name) for name in names)].append(row)
    return dict(found)


def order(lines: Iterable[Advice]) -> Sequence[Advice]:
    """What saves most first; what is not known last."""

    def rank(each: Advice) -> tuple[bool, Decimal, str, str, str, str]:
        worth = -(each.saved_usd or _ZERO)
        return each.saved_usd is None, worth, each.kind.value, each.feature, each.model, each.candidate

    return sorted(lines, key=rank)
