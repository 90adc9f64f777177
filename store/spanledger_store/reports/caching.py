"""What providers' caches saved, and what was paid for writing what nobody read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import lru_cache
from string import Template
from typing import Any, Final

from spanledger.pricing import CLASSES, price
from spanledger.usage import Usage
from spanledger_store.engine import Engine
from spanledger_store.scope import Dimension, Scope
from spanledger_store.sql import load

_EXACT: Final = Context(prec=60)
_ZERO: Final = Decimal(0)
# Sizes of calls are told apart by thousands of tokens, which is what price lists do.
_STEP: Final = 1000


@dataclass(frozen=True, slots=True)
class Caching:
    """Tokens of one slice that went through a provider's cache, and what that saved against uncached input.

    | field | |
    |---|---|
    | saved_usd | reads at the price of uncached input, less what they cost |
    | premium_usd | writes at what they cost, less the price of uncached input; below 0 where writing is cheaper |
    | lost_usd | the part of the premium for tokens that were certainly never read: the slice wrote more than it read |
    | estimated_tokens | tokens whose uncached price is the quotient of what calls of the same price were booked at |
    | unknown_tokens | tokens without such calls beside them: they are in no amount |
    """

    values: tuple[str, ...]
    read_tokens: int
    write_tokens: int
    saved_usd: Decimal
    premium_usd: Decimal
    lost_usd: Decimal
    estimated_tokens: int
    unknown_tokens: int

    @property
    def net_usd(self) -> Decimal:
        """What the cache was worth: what reading saved less what writing cost more."""
        return _EXACT.subtract(self.saved_usd, self.premium_usd)


@dataclass(slots=True)
class _Sums:
    read: int = 0
    write: int = 0
    saved: Decimal = _ZERO
    premium: Decimal = _ZERO
    premium_tokens: int = 0
    estimated: int = 0
    unknown: int = 0


def caching(engine: Engine, scope: Scope, by: Sequence[Dimension] = ()) -> list[Caching]:
    """One line per combination of values that read or wrote a provider's cache, the most saved first.

    The uncached price is the price list's for the same model, moment, size of call and class of service where the
    calls were priced by the installed list: exact. Where they were not (a user's own price, an older list), it is the
    quotient of input cost and input tokens of calls with the same price source in the same half hour.

    Read from spans, for as long as a project keeps them. Raises ValueError for a tag.
    """
    if Dimension.TAG in by:
        raise ValueError("a call may have several tags, and would be in several lines")
    names = [f"`{each.value}`" for each in by]
    sql = Template(load("caching")).substitute(
        columns="".join(f"{name}, " for name in names),
        groups="".join(f"{name}, " for name in names),
        where=" AND ".join(["true", *scope.conditions()]),
    )
    found: defaultdict[tuple[str, ...], _Sums] = defaultdict(_Sums)
    for row in engine.query(sql, scope.params()).iter_rows(named=True):
        _add(found[tuple(row[each.value] for each in by)], row)
    lines = [_line(values, sums) for values, sums in found.items()]
    return sorted(lines, key=lambda each: (-each.saved_usd, each.values))


def _add(sums: _Sums, row: Mapping[str, Any]) -> None:
    read, write = row["cache_read_tokens"], row["cache_write_tokens"]
    sums.read += read
    sums.write += write
    rate = _listed(row["provider_name"], row["model_name"], row["source"], row["slot"], row["size"])
    if rate is None:
        if not row["input_tokens"]:
            sums.unknown += read + write
            return
        rate = _EXACT.divide(row["input_cost_usd"], Decimal(row["input_tokens"]))
        sums.estimated += read + write
    uncached = _EXACT.multiply(rate, Decimal(read))
    sums.saved = _EXACT.add(sums.saved, _EXACT.subtract(uncached, row["cache_read_cost_usd"]))
    uncached = _EXACT.multiply(rate, Decimal(write))
    sums.premium = _EXACT.add(sums.premium, _EXACT.subtract(row["cache_write_cost_usd"], uncached))
    sums.premium_tokens += write


@lru_cache(maxsize=65_536)
def _listed(provider: str, model: str, source: str, slot: int, size: int) -> Decimal | None:
    """US dollars per token of uncached input by the installed price list; None where that did not price the calls."""
    tokens = (size + 1) * _STEP
    at = datetime.fromtimestamp(slot, UTC)
    for service in CLASSES:
        usage = Usage(tokens, 0, 0, 0)
        cost = price(usage, provider=provider or None, model=model or None, at=at, service=service)
        if cost is None:
            return None
        if cost.source == source:
            # Whole thousands of tokens: a price per million divides them without a rest.
            return _EXACT.divide(cost.input, Decimal(tokens))
    return None


def _line(values: tuple[str, ...], sums: _Sums) -> Caching:
    unread = max(sums.write - sums.read, 0)
    lost = _ZERO
    if unread and sums.premium > 0 and sums.premium_tokens:
        share = _EXACT.multiply(sums.premium, Decimal(min(unread, sums.premium_tokens)))
        lost = _EXACT.divide(share, Decimal(sums.premium_tokens))
    return Caching(values, sums.read, sums.write, sums.saved, sums.premium, lost, sums.estimated, sums.unknown)
