"""The ways to look at spend: its lines, unit economics, what was wasted, and what caching saved; one form for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from enum import StrEnum
from typing import Any, Final

from spanledger_store.control import Control
from spanledger_store.control.budgets import plain
from spanledger_store.control.currencies import DOLLAR
from spanledger_store.engine import Engine
from spanledger_store.finance.spend import Answer, spend
from spanledger_store.finance.spend_request import UNATTRIBUTED, SpendBy, SpendInvalid, SpendRequest
from spanledger_store.reports.caching import caching
from spanledger_store.reports.units import units
from spanledger_store.reports.waste import waste
from spanledger_store.scope import Dimension


class View(StrEnum):
    """What is shown of spend."""

    LINES = "lines"
    UNITS = "units"
    WASTE = "waste"
    CACHING = "caching"


_EXACT: Final = Context(prec=80)
_PLACES: Final = Decimal("1e-12")
_MONEY: Final = "Nullable(Decimal(38, 12))"
_DIMENSIONS: Final = {each.value: each for each in Dimension}


def view(engine: Engine, control: Control, asked: SpendRequest, what: View) -> Answer:
    """What is asked for, all of it. Raises SpendInvalid for what a view cannot be split by, StoreError."""
    return _VIEWS[what](engine, control, asked)


def _units(engine: Engine, _: Control, asked: SpendRequest) -> Answer:
    found = units(engine, asked.scope, _by(asked, View.UNITS))
    columns = [(each.value, "String") for each in asked.by]
    columns += [("calls", "UInt64"), ("unpriced_calls", "UInt64"), ("cost_usd", _MONEY)]
    columns += [("sessions", "UInt64"), ("users", "UInt64")]
    per = ("cost_per_call", "cost_per_session", "cost_per_user", "cost_per_1k_tokens")
    columns += [(name, _MONEY) for name in per]
    rows = [
        [*_named(each.values), each.calls, each.unpriced_calls,
         plain(each.cost_usd) if each.cost_usd or not each.unpriced_calls else None, each.sessions, each.users,
         *(_rounded(getattr(each, name)) for name in per)]
        for each in found
    ]  # fmt: skip
    total = ["total", *[""] * (len(asked.by) - 1), str(sum(each.calls for each in found))]
    total += [str(sum(each.unpriced_calls for each in found)), _sum(each.cost_usd for each in found), *[""] * 6]
    return Answer(columns, rows, total)


def _waste(engine: Engine, _: Control, asked: SpendRequest) -> Answer:
    found = waste(engine, asked.scope, _by(asked, View.WASTE))
    columns = [(each.value, "String") for each in asked.by]
    columns += [("class", "String"), ("calls", "UInt64"), ("unknown_calls", "UInt64"), ("cost_usd", _MONEY)]
    rows = [
        [*_named(each.values), each.kind, each.calls, each.unknown_calls,
         None if each.cost_usd is None else plain(each.cost_usd)]
        for each in found
    ]  # fmt: skip
    total = ["total", *[""] * len(asked.by), str(sum(each.calls for each in found))]
    total += [str(sum(each.unknown_calls for each in found)), _sum(each.priced_cost for each in found)]
    return Answer(columns, rows, total)


def _caching(engine: Engine, _: Control, asked: SpendRequest) -> Answer:
    found = caching(engine, asked.scope, _by(asked, View.CACHING))
    tokens = ("read_tokens", "write_tokens", "estimated_tokens", "unknown_tokens")
    amounts = ("saved_usd", "premium_usd", "net_usd", "lost_usd")
    columns = [(each.value, "String") for each in asked.by]
    columns += [(name, "UInt64") for name in tokens] + [(name, "Decimal(38, 12)") for name in amounts]
    rows = [
        [*_named(each.values), *(getattr(each, name) for name in tokens),
         *(_rounded(getattr(each, name)) for name in amounts)]
        for each in found
    ]  # fmt: skip
    total = ["total", *[""] * (len(asked.by) - 1)]
    total += [str(sum(getattr(each, name) for each in found)) for name in tokens]
    total += [_sum(getattr(each, name) for each in found) for name in amounts]
    return Answer(columns, rows, total)


_VIEWS: Final[Mapping[View, Callable[[Engine, Control, SpendRequest], Answer]]] = {
    View.LINES: spend,
    View.UNITS: _units,
    View.WASTE: _waste,
    View.CACHING: _caching,
}


def _by(asked: SpendRequest, what: View) -> list[Dimension]:
    odd = [each.value for each in asked.by if each.value not in _DIMENSIONS]
    if odd:
        able = ", ".join(each.value for each in SpendBy if each.value in _DIMENSIONS)
        raise SpendInvalid(f"{what.value} cannot be split by {odd[0]}. Choose from: {able}.")
    if asked.currency != DOLLAR:
        raise SpendInvalid(f"{what.value} are in US dollars; only the lines of spend are shown in {asked.currency}.")
    return [_DIMENSIONS[each.value] for each in asked.by]


def _named(values: tuple[str, ...]) -> list[str]:
    return [value or UNATTRIBUTED for value in values]


def _rounded(amount: Decimal | None) -> str | None:
    """At the twelfth place: quotients have no end."""
    return None if amount is None else plain(_EXACT.quantize(amount, _PLACES))


def _sum(amounts: Any) -> str:
    total = Decimal(0)
    for amount in amounts:
        total = _EXACT.add(total, amount)
    return plain(_EXACT.quantize(total, _PLACES))
