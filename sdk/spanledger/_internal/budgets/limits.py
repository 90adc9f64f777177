"""Budgets as the collector told them, at one moment; which of them a call counts towards, and what is left."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal
from typing import Any, Final, NamedTuple

from spanledger import semconv

DIMENSIONS: Final = ("customer", "feature", "team", "provider", "model", "environment")
_EXACT: Final = Context(prec=60)


class Slice(NamedTuple):
    """What is known of a call, before it is made or afterwards; '' where it is not known."""

    customer: str = ""
    feature: str = ""
    team: str = ""
    provider: str = ""
    model: str = ""
    environment: str = ""


def slice_of(attributes: Mapping[str, Any], environment: str) -> Slice:
    """The slice that a span with these attributes counts in."""
    get = attributes.get
    return Slice(
        customer=str(get(semconv.CUSTOMER_ID) or ""),
        feature=str(get(semconv.FEATURE) or ""),
        team=str(get(semconv.TEAM) or ""),
        provider=semconv.provider_name(str(get(semconv.PROVIDER_NAME) or "")),
        model=str(get(semconv.RESPONSE_MODEL) or get(semconv.REQUEST_MODEL) or ""),
        environment=str(get(semconv.ENVIRONMENT) or environment),
    )


class Amounts(NamedTuple):
    """US dollars; `spent` is None where no call has a price."""

    limit: Decimal
    spent: Decimal | None


@dataclass(frozen=True, slots=True)
class Limit:
    """One budget: `rest` holds for all its calls, or with `per` for each value that `values` does not name."""

    id: str
    name: str
    slice: Mapping[str, str]
    per: str
    blocks: bool
    resets_at: datetime
    resets_in: float  # seconds after the collector's answer
    rest: Amounts
    values: Mapping[str, Amounts]

    def covers(self, call: Slice) -> bool:
        """True where the call counts towards it."""
        if any(getattr(call, name) != value for name, value in self.slice.items()):
            return False
        return not self.per or bool(getattr(call, self.per))

    def value_of(self, call: Slice) -> str | None:
        """Whose budget it is, of one that each value has by itself."""
        return getattr(call, self.per) if self.per else None

    def amounts(self, value: str | None) -> Amounts:
        """What the collector knew."""
        return self.rest if value is None else self.values.get(value, self.rest)


@dataclass(frozen=True, slots=True)
class Limits:
    """All budgets of one answer. `told_at` and `complete_to` are of the monotonic clock; see the collector's board."""

    told_at: float
    complete_to: float
    limits: Sequence[Limit] = ()
    is_complete: bool = True
    asked: frozenset[tuple[str, str]] = field(default_factory=frozenset[tuple[str, str]])

    def of(self, call: Slice) -> Iterator[Limit]:
        """The budgets that a call counts towards, as far as their period lasts."""
        return (each for each in self.going_on() if each.covers(call))

    def going_on(self) -> Iterator[Limit]:
        """The budgets whose period is not over."""
        age = time.monotonic() - self.told_at
        return (each for each in self.limits if age < each.resets_in)

    def knows(self, call: Slice) -> bool:
        """False where the collector has not been asked about the call's values yet."""
        if self.is_complete:
            return True
        return all((name, getattr(call, name)) in self.asked for name in self.asked_by)

    @property
    def asked_by(self) -> set[str]:
        """The dimensions whose values have to be named where there are too many to tell all."""
        return {each.per for each in self.limits if each.per}


def read(document: Mapping[str, Any], told_at: float, complete_to: float, asked: frozenset[tuple[str, str]]) -> Limits:
    """The limits of a collector's answer. Raises ValueError, KeyError or TypeError for what is none."""
    now = datetime.fromisoformat(document["now"])
    return Limits(
        told_at=told_at,
        complete_to=complete_to,
        limits=tuple(_limit(each, now) for each in document["budgets"]),
        is_complete=bool(document["complete"]) and not asked,
        asked=asked,
    )


def _limit(told: Mapping[str, Any], now: datetime) -> Limit:
    unknown = [name for name in (*told["slice"], *([told["per"]] if told["per"] else [])) if name not in DIMENSIONS]
    resets_at = datetime.fromisoformat(told["resets_at"])
    return Limit(
        id=told["id"],
        name=told["name"],
        slice=told["slice"],
        per=told["per"],
        # A newer collector's dimension cannot be checked here, and a budget must not block what it is not about.
        blocks=told["enforcement"] == "block" and not unknown,
        resets_at=resets_at,
        resets_in=(resets_at - now).total_seconds(),
        rest=_amounts(told),
        values={value: _amounts(each) for value, each in told.get("values", {}).items()},
    )


def _amounts(told: Mapping[str, Any]) -> Amounts:
    return Amounts(Decimal(told["limit"]), None if told["spent"] is None else Decimal(told["spent"]))


def add(one: Decimal, other: Decimal) -> Decimal:
    """Their exact sum, whatever the program's own decimal context does."""
    return _EXACT.add(one, other)
