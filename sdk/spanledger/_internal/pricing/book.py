"""The price book: which of the user's own prices a call has, above the price list."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from spanledger import pricing
from spanledger._internal.pricing.entries import BUCKETS, EVERY_PROJECT, Kind, Price
from spanledger._internal.pricing.rates import CONTEXT, Cost, Rate, Rates, compiled
from spanledger.usage import Usage

# Combinations of provider, model, customer, feature and class whose prices are remembered; names come from outside.
_REMEMBERED: Final = 65_536
_GLOB: Final = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Slice:
    """What of a call decides which price it has. `model` is as in the ledger, `service` as `service_class` says."""

    project: str
    provider: str
    model: str
    customer: str = ""
    feature: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """The entries that make a call's price at a moment: one instead of the list, one off it; None for neither."""

    base: Price | None = None
    discount: Price | None = None


@dataclass(frozen=True, slots=True)
class _Term:
    price: Price
    rates: Rates | None
    kept: Decimal


class Book:
    """The user's own prices, of every project, as of one revision; without entries every price is the list's.

    Of the entries that a call falls under, one decides. A customer's own wins over a feature's, that over anybody's;
    then the exact model over a pattern, and a longer pattern over a shorter; then the exact provider, the stated class,
    the project's own over every project's; then the one that began last, then the newest version. A discount is chosen
    in the same way and comes off whatever the call then costs, but not off hours of GPUs.
    """

    def __init__(self, entries: Iterable[Price] = (), revision: int = 0) -> None:
        self.entries: Sequence[Price] = tuple(entries)
        self.revision = revision
        self._bases = _ordered(self.entries, Kind.PRICE, Kind.GPU)
        self._discounts = _ordered(self.entries, Kind.DISCOUNT)
        terms = [each.price for each in (*self._bases, *self._discounts)]
        self._customers = frozenset(each.customer for each in terms)
        self._features = frozenset(each.feature for each in terms)
        self._plans: dict[tuple[str, str, str, str, str, str], tuple[Sequence[_Term], Sequence[_Term]]] = {}

    def __bool__(self) -> bool:
        return bool(self._bases or self._discounts)

    def price(self, usage: Usage, of: Slice, at: datetime, calls: int = 1) -> Cost | None:
        """What `calls` calls cost that used this together, or None if unknown: see `spanledger.pricing.price`.

        The source names entry and version. An own price stands for the whole call: what it has no rate for costs
        nothing beside what it has one for, and a call of which it prices no part is unpriced.
        """
        if not of.model or usage.is_empty:
            return None
        bases, discounts = self._plan(of)
        base = _at(bases, at) if bases else None
        if base is None:
            cost = pricing.price(
                usage, provider=of.provider or None, model=of.model, at=at, calls=calls, service=of.service
            )
        else:
            cost = base.rates.cost(usage, calls) if base.rates is not None else None
        if cost is None or not discounts or (base is not None and base.price.kind is Kind.GPU):
            return cost
        off = _at(discounts, at)
        return cost if off is None else cost.share(off.kept, f"{cost.source}, {off.price.source}")

    def terms(self, of: Slice, at: datetime) -> Terms:
        """The entries that decide what a call costs."""
        bases, discounts = self._plan(of)
        base, off = _at(bases, at), _at(discounts, at)
        if base is not None and base.price.kind is Kind.GPU:
            off = None
        return Terms(base.price if base else None, off.price if off else None)

    def _plan(self, of: Slice) -> tuple[Sequence[_Term], Sequence[_Term]]:
        # Customers that no entry names share one plan: there may be far more of them than of prices.
        customer = of.customer if of.customer in self._customers else ""
        feature = of.feature if of.feature in self._features else ""
        key = (of.project, of.provider, of.model, customer, feature, of.service)
        found = self._plans.get(key)
        if found is None:
            if len(self._plans) >= _REMEMBERED:
                self._plans.clear()
            found = self._plans[key] = (_under(self._bases, key), _under(self._discounts, key))
        return found


@dataclass(frozen=True, slots=True)
class Sealed:
    """A book on its way to another process: small, and opened once per process however often it is sent."""

    revision: int
    packed: bytes

    @classmethod
    def of(cls, book: Book) -> Sealed:
        """The book, packed."""
        return cls(book.revision, zlib.compress(pickle.dumps([_fields(each) for each in book.entries]), 1))

    def open(self) -> Book:
        """The book; the same object for the same bytes."""
        return _opened(self)


@lru_cache(maxsize=4)
def _opened(sealed: Sealed) -> Book:
    # From a process of our own, over its own pipe.
    entries = pickle.loads(zlib.decompress(sealed.packed))  # noqa: S301
    return Book([Price(**each) for each in entries], sealed.revision)


def _fields(price: Price) -> dict[str, object]:
    found = {name: getattr(price, name) for name in Price.__slots__}
    return {**found, "rates": dict(price.rates)}


def _at(terms: Sequence[_Term], at: datetime) -> _Term | None:
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    for each in terms:
        price = each.price
        if price.start <= at and (price.end is None or at < price.end):
            return each
    return None


def _ordered(entries: Sequence[Price], *kinds: Kind) -> Sequence[_Term]:
    """The entries of these kinds that are in force, in the order of precedence."""
    chosen = [each for each in entries if each.kind in kinds and each.withdrawn_at is None]
    chosen.sort(key=_precedence, reverse=True)
    return [_Term(each, _compiled(each), _kept(each.percent)) for each in chosen]


def _kept(percent: Decimal | None) -> Decimal:
    """What a discount leaves of a cost, exactly."""
    return CONTEXT.subtract(Decimal(1), (percent or Decimal(0)).scaleb(-2, CONTEXT))


def _precedence(price: Price) -> tuple[object, ...]:
    return (
        bool(price.customer), bool(price.feature),
        not _is_glob(price.model), len(price.model), bool(price.provider) and not _is_glob(price.provider),
        len(price.provider), bool(price.service), price.project != EVERY_PROJECT,
        price.start, price.version, price.name,
    )  # fmt: skip


def _under(terms: Sequence[_Term], key: tuple[str, str, str, str, str, str]) -> Sequence[_Term]:
    project, provider, model, customer, feature, service = key
    return tuple(
        each
        for each in terms
        if each.price.project in (project, EVERY_PROJECT)
        and each.price.customer in ("", customer)
        and each.price.feature in ("", feature)
        and each.price.service in ("", service or "standard")
        and matches(each.price.model, model)
        and (not each.price.provider or matches(each.price.provider, provider))
    )


def matches(pattern: str, name: str) -> bool:
    """Whether a name is the pattern, or one of those it stands for; upper and lower case are the same."""
    return fnmatchcase(name.lower(), pattern.lower()) if _is_glob(pattern) else name.lower() == pattern.lower()


def _is_glob(pattern: str) -> bool:
    return not _GLOB.isdisjoint(pattern)


def _compiled(price: Price) -> Rates | None:
    if not price.rates:
        return None
    units: dict[str, Rate] = {}
    for name in price.rates:
        if ">" in name:
            continue
        unit = BUCKETS.get(name, name)
        scale = -6 if unit.endswith("_tokens") else 0
        tiers = [
            (int(each.partition(">")[2]), rate.scaleb(scale, CONTEXT))
            for each, rate in price.rates.items()
            if each.startswith(f"{name}>")
        ]
        units[unit] = Rate(price.rates[name].scaleb(scale, CONTEXT), None, tuple(sorted(tiers, reverse=True)))
    source = f"{price.source} estimate" if price.kind is Kind.GPU else price.source
    return compiled(units, source)
