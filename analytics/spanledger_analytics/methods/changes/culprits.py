"""The slices of the ledger that explain a change of spend, each with what about it has changed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from operator import and_
from typing import Final

import numpy as np
import polars as pl

from spanledger_analytics.methods.changes.decomposition import (
    EXACT,
    Decomposition,
    Driver,
    Term,
    decompose,
    pair,
    total,
)
from spanledger_analytics.methods.changes.rates import Rates, rates
from spanledger_analytics.methods.changes.root_cause import Codes, Floats, Params, Slice, search


class Kind(StrEnum):
    """In which way a slice's spend has changed: how many calls, of which models, or what a call costs."""

    QUANTITY = "quantity"
    MIX = "mix"
    INTENSITY = "intensity"


SUBSTITUTES: Final = frozenset({"model", "provider", "prompt_version", "release"})
"""Dimensions whose values replace each other for the same work: one gone and another come is no change of it."""

# A version is news where hardly any call had it before, and most have it now.
_RARE, _USUAL = 0.02, 0.5
_NINETY_NINE = 2.576
# Slices that are found, for each that is told: the clearest need not be the dearest.
_LOOKED_AT = 8


@dataclass(frozen=True, slots=True)
class Culprit:
    """A slice (dimension -> value) of which one thing (`kind`) has changed in a way of its own.

    `effect` is what that is worth in US dollars, of the slice's whole `terms.change`; `terms` decompose it. `explained`
    is the effect's share of the change of everything (explanatory power): negative where it went the other way, beyond
    1 where others offset it, None where nothing changed. `surprise` is how much the slice's share of all spend has
    moved (Jensen-Shannon divergence, in nats). Both after Bhagwan et al., Adtributor, NSDI 2014. `distance` is how many
    standard deviations of ordinary change it is away. `since` names versions that are new in the slice.
    """

    slice: Mapping[str, str]
    kind: Kind
    effect: Decimal
    explained: float | None
    surprise: float
    distance: float
    terms: Decomposition
    before: Rates
    after: Rates
    since: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def driver(self) -> Driver:
        """The driver that moved most in the direction of the effect, of those that are of its kind."""
        sign = -1 if self.effect < 0 else 1
        own = {term.driver for term in self.terms.terms if kind_of(term) is self.kind}
        sums = {each: total(t.amount for t in self.terms.terms if t.driver is each and kind_of(t) is self.kind)
                for each in Driver if each in own}  # fmt: skip
        return max(sums, key=lambda each: sums[each] * sign)

    @property
    def least(self) -> float:
        """What the effect is at least, give or take ordinary change, with 99 % confidence: culprits' order."""
        return abs(float(self.effect)) * max(1 - _NINETY_NINE / self.distance, 0.0)


def culprits(
    before: pl.DataFrame,
    after: pl.DataFrame,
    dimensions: Sequence[str],
    versions: Sequence[str] = (),
    params: Params | None = None,
) -> list[Culprit]:
    """The slices that explain the change between two frames of ledger lines, the most certain money first.

    `dimensions` are what slices may name, `versions` columns whose new values are told beside them. The number of
    calls, the mix of `SUBSTITUTES` and the cost of a call are looked through each by itself, because they vary by
    chance to different degrees: traffic comes and goes, while a call of one kind costs much the same every day. So a
    slice may be found twice, with other effects. Effects below `params.material` of all money that moved are left out,
    and no more than `params.most` culprits are told.
    """
    chosen = params or Params()
    paired = pair(before, after, dimensions)
    if not paired.height:
        return []
    totals = [Decimal(paired[f"cost_usd_{t}"].sum()) for t in (0, 1)]
    costs = [_numbers(paired, "cost_usd", t) for t in (0, 1)]
    moved = float(np.abs(costs[1] - costs[0]).sum())
    change = EXACT.subtract(totals[1], totals[0])
    found: list[Culprit] = []
    for kind, names, codes, each in _slices(before, after, paired, dimensions, chosen):
        named = {names[dimension]: str(value) for (dimension, _), value in zip(each.values, codes, strict=True)}
        earlier, later = within(before, named), within(after, named)
        # Most of what stands out among thousands of customers is small: told from its costs alone, at no expense.
        if max(float(earlier["cost_usd"].sum()), float(later["cost_usd"].sum())) < chosen.material * moved:
            continue
        terms = decompose(earlier, later, mix=dimensions)
        effect = total(term.amount for term in terms.terms if kind_of(term) is kind)
        if abs(float(effect)) < chosen.material * moved or not effect:
            continue
        found.append(
            Culprit(
                slice=named,
                kind=kind,
                effect=effect,
                explained=float(effect / change) if change else None,
                surprise=_surprise(_part(terms.before, totals[0]), _part(terms.after, totals[1])),
                distance=each.distance,
                terms=terms,
                before=rates(earlier),
                after=rates(later),
                since={} if kind is Kind.QUANTITY else _since(earlier, later, versions),
            )
        )
    return sorted(found, key=lambda each: -each.least)[: chosen.most]


def kind_of(term: Term) -> Kind:
    """What a term is about: new and gone customers, calls and their mix over customers and features are quantity."""
    if term.driver is Driver.MIX and term.key.removeprefix("mix_") in SUBSTITUTES:
        return Kind.MIX
    return Kind.QUANTITY if term.driver in (Driver.VOLUME, Driver.CUSTOMERS, Driver.MIX) else Kind.INTENSITY


def within(lines: pl.DataFrame, named: Mapping[str, str]) -> pl.DataFrame:
    """The lines that have these values."""
    return lines.filter(reduce(and_, (pl.col(name) == value for name, value in named.items()), pl.lit(True)))


def _slices(
    before: pl.DataFrame, after: pl.DataFrame, paired: pl.DataFrame, dimensions: Sequence[str], params: Params
) -> Iterator[tuple[Kind, Sequence[str], list[str], Slice]]:
    """(kind, names of dimensions, the slice's values, the slice) of everything that stands out."""
    lasting = [name for name in dimensions if name not in SUBSTITUTES] or list(dimensions)
    cells = paired if lasting == list(dimensions) else pair(before, after, lasting)
    n0, n1 = (_numbers(cells, "calls", t) for t in (0, 1))
    searches: list[tuple[Kind, pl.DataFrame, Sequence[str], Floats, Floats, Floats]] = [
        (Kind.QUANTITY, cells, lasting, n0, n1, n0 + n1)
    ]
    calls = [_numbers(paired, "calls", t) for t in (0, 1)]
    each = [_over(np.maximum(_numbers(paired, "cost_usd", t), 0.0), calls[t]) for t in (0, 1)]
    both = (calls[0] > 0) & (calls[1] > 0)
    support = 4 * _over(calls[0] * calls[1], calls[0] + calls[1])
    searches.append(
        (Kind.INTENSITY, paired, dimensions, np.where(both, each[0], 0.0), np.where(both, each[1], 0.0), support)
    )
    if cells is not paired:
        typical = np.where(both, (each[0] + each[1]) / 2, each[0] + each[1])
        mixed = (
            paired.select(*lasting, m_0=calls[0] * typical, m_1=calls[1] * typical)
            .group_by(lasting)
            .sum()
            .sort(lasting)
        )
        some = (n0 > 0) & (n1 > 0)
        m0, m1 = (np.where(some, _over(mixed[f"m_{t}"].to_numpy(), n), 0.0) for t, n in enumerate((n0, n1)))
        searches.append((Kind.MIX, cells, lasting, m0, m1, 4 * _over(n0 * n1, n0 + n1)))
    for kind, lines, names, was, became, of in searches:
        for found in search(_codes(lines, names), was, became, of, replace(params, most=_LOOKED_AT * params.most)):
            line = int(found.lines[0])
            yield kind, names, [lines[names[dimension]][line] for dimension, _ in found.values], found


def _numbers(lines: pl.DataFrame, name: str, t: int) -> Floats:
    return lines[f"{name}_{t}"].cast(pl.Float64).to_numpy()


def _over(part: Floats, whole: Floats) -> Floats:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), 0.0)


def _codes(lines: pl.DataFrame, names: Sequence[str]) -> Codes:
    return np.stack([lines[name].rank("dense").cast(pl.Int64).to_numpy() - 1 for name in names], axis=1)


def _part(part: Decimal, whole: Decimal) -> float:
    return float(part / whole) if whole else 0.0


def _surprise(before: float, after: float) -> float:
    middle = (before + after) / 2
    return sum(share * math.log(share / middle) / 2 for share in (before, after) if share > 0)


def _since(before: pl.DataFrame, after: pl.DataFrame, versions: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in versions:
        if name not in after.columns or not after.height or not before.height:
            continue
        shares = pair(before, after, [name]).with_columns(
            (pl.col(f"calls_{t}") / pl.col(f"calls_{t}").sum()).alias(f"share_{t}") for t in (0, 1)
        )
        new = shares.filter((pl.col("share_0") <= _RARE) & (pl.col("share_1") >= _USUAL) & (pl.col(name) != ""))
        if new.height:
            found[name] = str(new[name][0])
    return found
