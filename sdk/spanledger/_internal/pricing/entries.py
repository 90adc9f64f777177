"""One entry of the user's own price book, and what it may say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from spanledger import semconv
from spanledger._internal.pricing.classes import CLASSES
from spanledger._internal.pricing.facts import money

EVERY_PROJECT: Final = "*"
ALWAYS: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Where a price begins that has no beginning: spans cannot be older."""
BUCKETS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "input": "input_tokens",
        "cache_read": "cache_read_tokens",
        "cache_write": "cache_write_tokens",
        "output": "output_tokens",
        "reasoning": "output_reasoning_tokens",
        "request": "requests",
    }
)
"""A rate's name -> the unit it is of; every other name is a unit itself."""

_NOTHING: Final[Mapping[str, Decimal]] = MappingProxyType({})
_NAME: Final = re.compile(r"[^\s/,\x00-\x1f]([^/,\x00-\x1f]{0,58}[^\s/,\x00-\x1f])?")
_RATE: Final = re.compile(r"([a-z][a-z0-9_]{0,63})(?:>([0-9]{1,12}))?")
_LARGEST: Final = Decimal(10) ** 9
_LONGEST: Final = 1000
# What the cost of one call may be, if it is the only one of a day.
_LARGEST_DAY: Final = Decimal(999_999)


class PriceInvalid(ValueError):
    """A part of a price cannot be what it was asked to be; the message names it, its value and what it may be."""


class Kind(StrEnum):
    """What an entry does."""

    PRICE = "price"
    DISCOUNT = "discount"
    GPU = "gpu"
    COMMITMENT = "commitment"


class Share(StrEnum):
    """By what the hours of GPUs are spread over calls."""

    TOKENS = "tokens"
    DURATION = "duration"


@dataclass(frozen=True, slots=True)
class Price:
    """One version of one entry, valid for calls that begin in [start, end).

    | field | |
    |---|---|
    | kind | `price`: rates instead of the list's; `discount`: percent off whatever a call costs; `gpu`: models of one's own, by the hour; `commitment`: a monthly amount that is spent whether used or not |
    | project | whose calls; `*` is everybody's |
    | provider, model | as the ledger names them, or globs such as `gpt-4o*`; an empty provider is any |
    | customer, feature | only their calls, where given |
    | service | only calls of this class: standard, batch, flex, priority or fast; empty is any |
    | rates | dollars per million tokens of `input`, `cache_read`, `cache_write`, `output`, `reasoning`, per `request`, and per unit of anything else (per million, where it ends in `_tokens`); `input>200000` is the rate of all of a call's input where the call has more input tokens than that |
    | percent | of a discount, 0 < percent <= 100 |
    | amount | dollars per GPU-hour, or per month of a commitment |
    | gpus, share | how many GPUs run, and by what their cost is spread; `rates` is the estimate until a day is over |
    | version | counts the changes of an entry; 0 is one that is not kept yet |

    What a call uses and no rate is given for falls under the more general rate, as in the price list: cache reads
    under input, reasoning under output. Raises PriceInvalid.
    """  # noqa: E501 - a table's rows cannot be folded

    name: str
    kind: Kind = Kind.PRICE
    project: str = "default"
    provider: str = ""
    model: str = "*"
    customer: str = ""
    feature: str = ""
    service: str = ""
    start: datetime = ALWAYS
    end: datetime | None = None
    rates: Mapping[str, Decimal] = field(default_factory=lambda: _NOTHING)
    percent: Decimal | None = None
    amount: Decimal | None = None
    gpus: int | None = None
    share: Share = Share.TOKENS
    note: str = ""
    version: int = 0
    created_at: datetime | None = None
    withdrawn_at: datetime | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise PriceInvalid(f"name {self.name!r} cannot be a price's: use 1 to 60 characters without '/' and ','.")
        for each in (self.start, self.end):
            if each is not None and each.tzinfo is None:
                raise PriceInvalid(f"{each} has no time zone; say which, such as {each}+00:00.")
        if self.end is not None and self.end <= self.start:
            raise PriceInvalid(f"{self.name} would end at {self.end:%Y-%m-%d %H:%M}, not after it begins. Swap them.")
        if self.start < ALWAYS:
            raise PriceInvalid(f"start {self.start:%Y-%m-%d} is before 2000, where no call is; leave it out.")
        if not self.model:
            raise PriceInvalid("model is empty; name one as the ledger has it, or a pattern such as gpt-4o*, or *.")
        if self.service and self.service not in CLASSES:
            raise PriceInvalid(f"class {self.service!r} is none; use {', '.join(CLASSES)}, or leave it out for any.")
        for what in ("provider", "model", "customer", "feature", "note"):
            if len(getattr(self, what)) > _LONGEST:
                raise PriceInvalid(f"{what} has {len(getattr(self, what))} characters; use at most {_LONGEST}.")
        object.__setattr__(self, "provider", semconv.provider_name(self.provider))
        self._check_rates()
        _CHECKS[self.kind](self)

    def _check_rates(self) -> None:
        for name, rate in self.rates.items():
            if not _RATE.fullmatch(name):
                raise PriceInvalid(f"rate {name!r} is no unit; use {', '.join(BUCKETS)}, web_searches or input>200000.")
            if not (rate.is_finite() and 0 <= rate <= _LARGEST):
                raise PriceInvalid(f"rate {name}={rate} is no price; use dollars, 0 or more, such as {name}=2.50.")
            if ">" in name and name.partition(">")[0] not in self.rates:
                base = name.partition(">")[0]
                raise PriceInvalid(f"rate {name} has no {base} below it; add {base}=..., the price up to that size.")

    @property
    def source(self) -> str:
        """How `price_source` names this version."""
        return f"{'discount' if self.kind is Kind.DISCOUNT else 'own'} {self.name} v{self.version}"

    def holds(self, at: datetime) -> bool:
        """Whether a call that begins at that moment falls into its time."""
        return self.start <= at and (self.end is None or at < self.end)

    def as_json(self) -> dict[str, Any]:
        """Every field as JSON takes it; money is a string of all its digits, and a missing beginning is null."""
        found: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, datetime):
                value = None if each.name == "start" and value == ALWAYS else value.astimezone(UTC).isoformat()
            elif isinstance(value, Decimal):
                value = money(value)
            elif isinstance(value, Mapping):
                value = {name: money(rate) for name, rate in value.items()}
            found[each.name] = str(value) if isinstance(value, StrEnum) else value
        return found


def _needs(price: Price, what: str, value: Decimal | None, most: Decimal) -> None:
    if value is None or not (value.is_finite() and 0 < value <= most):
        said = "nothing" if value is None else str(value)
        raise PriceInvalid(f"{price.kind} {price.name} has {said} for {what}; use more than 0 and at most {most:f}.")


def _check_price(price: Price) -> None:
    if not price.rates:
        raise PriceInvalid(f"price {price.name} has no rate; give at least one, such as input=2.50 and output=10.")


def _check_discount(price: Price) -> None:
    _needs(price, "percent", price.percent, Decimal(100))
    if price.rates:
        raise PriceInvalid(f"discount {price.name} has rates; a discount has percent alone. Set a price beside it.")


def _check_gpu(price: Price) -> None:
    _needs(price, "the price of a GPU-hour", price.amount, _LARGEST)
    _needs(price, "the number of GPUs", None if price.gpus is None else Decimal(price.gpus), Decimal(10**6))
    if price.project == EVERY_PROJECT:
        raise PriceInvalid(f"gpu {price.name} is about every project; name the one whose calls share its hours.")
    if (price.amount or 0) * (price.gpus or 0) * 24 > _LARGEST_DAY:
        raise PriceInvalid(f"gpu {price.name} costs more than {_LARGEST_DAY:f} a day; divide it into several entries.")
    if price.customer or price.feature or price.service:
        raise PriceInvalid(
            f"gpu {price.name} is about a customer, feature or class; its hours are spread over all calls of its model."
        )
    for each in (price.start, price.end):
        if each is not None and each.astimezone(UTC).time() != datetime.min.time():
            raise PriceInvalid(f"gpu {price.name} changes at {each:%Y-%m-%d %H:%M}; use midnight UTC: days are spread.")


def _check_commitment(price: Price) -> None:
    _needs(price, "the amount of a month", price.amount, _LARGEST)
    if price.rates:
        raise PriceInvalid(f"commitment {price.name} has rates; calls keep their prices and draw it down. Drop them.")
    for each in (price.start, price.end):
        utc = None if each is None else each.astimezone(UTC)
        if utc is not None and (utc.day, utc.time()) != (1, datetime.min.time()):
            raise PriceInvalid(
                f"commitment {price.name} changes on {utc:%Y-%m-%d %H:%M}; use the first of a month, UTC."
            )


_CHECKS: Final = {
    Kind.PRICE: _check_price,
    Kind.DISCOUNT: _check_discount,
    Kind.GPU: _check_gpu,
    Kind.COMMITMENT: _check_commitment,
}


def read_price(values: Mapping[str, Any]) -> Price:
    """The price that `as_json` wrote, or a person: money and times as text, what is missing or null as its default.

    What a database keeps by itself (version, created_at, withdrawn_at) is not read. Raises PriceInvalid.
    """
    known = {each.name for each in fields(Price)}
    if unknown := sorted(values.keys() - known):
        raise PriceInvalid(f"{unknown[0]!r} is nothing a price has; it has {', '.join(sorted(known))}.")
    given = {
        name: value
        for name, value in values.items()
        if value not in (None, "") and name not in ("version", "created_at", "withdrawn_at")
    }
    made: dict[str, Any] = {}
    for name, value in given.items():
        made[name] = _READERS[name](name, value) if name in _READERS else _text(name, value)
    if "name" not in made:
        raise PriceInvalid("a price has no name; give it one, by which its versions and calls refer to it.")
    return Price(**made)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise PriceInvalid(f"{name} {value!r} is no text; put it in quotes.")
    return value


def _decimal(name: str, value: Any) -> Decimal:
    # A float has been rounded before anybody could ask for its digits.
    if not isinstance(value, str | int | Decimal) or isinstance(value, bool):
        raise PriceInvalid(f'{name} {value!r} is no exact number; write it as text, such as "2.50".')
    try:
        return Decimal(value)
    except InvalidOperation as error:
        raise PriceInvalid(f"{name} {value!r} is no number; use one such as 2.50.") from error


def _moment(name: str, value: Any) -> datetime:
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise PriceInvalid(f"{name} {value!r} is no time; use 2026-01-31 or 2026-01-31T08:00.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _rates(name: str, value: Any) -> dict[str, Decimal]:
    if not isinstance(value, Mapping):
        raise PriceInvalid(f'{name} {value!r} names no units; use an object such as {{"input": "2.50"}}.')
    return {str(unit): _decimal(f"rate {unit}", rate) for unit, rate in value.items()}


def _whole(name: str, value: Any) -> int:
    found = _decimal(name, value)
    if found != found.to_integral_value():
        raise PriceInvalid(f"{name} {value!r} is no whole number.")
    return int(found)


def _kind(name: str, value: Any) -> Kind:
    try:
        return Kind(value)
    except ValueError as error:
        raise PriceInvalid(f"{name} {value!r} is none; use {', '.join(Kind)}.") from error


def _share(name: str, value: Any) -> Share:
    try:
        return Share(value)
    except ValueError as error:
        raise PriceInvalid(f"{name} {value!r} is none; use {', '.join(Share)}.") from error


_READERS: Final = {
    "kind": _kind,
    "start": _moment,
    "end": _moment,
    "rates": _rates,
    "percent": _decimal,
    "amount": _decimal,
    "gpus": _whole,
    "share": _share,
}
