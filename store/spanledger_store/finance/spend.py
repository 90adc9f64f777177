"""Spend by any combination of dimensions, times and cost centres, in any currency: every line, exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any, Final

import polars as pl

from spanledger_store.allocation import Line, Rules, allocate
from spanledger_store.control import Control, centers, currencies
from spanledger_store.control.budgets import plain
from spanledger_store.control.currencies import DOLLAR, Rates
from spanledger_store.engine import Engine
from spanledger_store.finance.spend_request import TIMES, UNATTRIBUTED, SpendBy, SpendRequest
from spanledger_store.ledger import SLICE
from spanledger_store.reports.books import lines
from spanledger_store.reports.buckets import HOUR, Bucketing, Calendar, Cuts, fixed

COUNTS: Final = ("calls", "errors", "unpriced_calls", "prompt_tokens", "output_tokens")
"""What a line counts beside its cost."""

_SUMS: Final = (
    "calls", "errors", "unpriced_calls", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens",
    "cost_usd",
)  # fmt: skip
_WORDS: Final[Mapping[SpendBy, str]] = {
    SpendBy.HOUR: "%Y-%m-%dT%H:00", SpendBy.DAY: "%Y-%m-%d", SpendBy.MONTH: "%Y-%m", SpendBy.YEAR: "%Y",
}  # fmt: skip
# Sums and products of amounts are exact: more digits than any sum of Decimal(38, 12) times a rate has.
_EXACT: Final = Context(prec=120)
_ZERO: Final = Decimal(0)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """Lines of spend: (name, ClickHouse type) per column, rows ready for JSON, and sums in the same columns.

    Amounts are strings of all their digits; a line in which no call has a price costs None, and never 0.
    """

    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[Any]]
    total: Sequence[str]


@dataclass(slots=True)
class _Sums:
    """One line while it is added up; `known` is what its priced calls cost, in the currency asked for."""

    counts: list[int]
    known: Decimal = _ZERO
    is_passed_on: bool = False

    @property
    def cost(self) -> Decimal | None:
        """None where there are calls without a price and no other spend beside them."""
        return None if self.counts[2] and not self.known and not self.is_passed_on else self.known


def spend(engine: Engine, control: Control, asked: SpendRequest) -> Answer:
    """One line per combination, times ascending, else the dearest first; all lines there are.

    Columns: what it is split by, calls, errors, unpriced_calls, prompt_tokens, output_tokens, and `cost_` with the
    currency. Each amount is converted at the rate of its UTC day and not rounded, so that converted lines add up to the
    converted total. By cost centre, a line's parts add up to the line; calls of shared costs stay together in the line
    "(shared)", which costs nothing, since all of it has been passed on.

    Raises CurrencyInvalid or RateUnknown where a rate is missing, StoreError where the store cannot answer.
    """
    rates = currencies.rates(control, asked.currency)
    rules = centers.rules(control, asked.project) if SpendBy.CENTER in asked.by else None
    found = _summed(_pieces(engine, asked, rates, rules), asked, rates, rules)
    ordered = sorted(found.items(), key=lambda item: _rank(asked, *item))
    columns = [(each.value, "String") for each in asked.by]
    columns += [(name, "UInt64") for name in COUNTS]
    columns.append((f"cost_{asked.currency.lower()}", "Nullable(Decimal(38, 12))"))
    rows = [[*key, *sums.counts, None if sums.cost is None else plain(sums.cost)] for key, sums in ordered]
    return Answer(columns, rows, _total(asked, found.values()))


def by_center(engine: Engine, asked: SpendRequest, rules: Rules) -> dict[str, tuple[Decimal, Decimal]]:
    """Cost centre -> US dollars that belong to it directly, and that a split gave it; together all spend there is."""
    rows = list(_labelled(_pieces(engine, asked, currencies.Rates(DOLLAR, ()), rules), asked))
    spent = [Line(day, {column: row[column] for column in rules.columns}, (), row["cost_usd"]) for day, _, row in rows]
    found: defaultdict[str, tuple[Decimal, Decimal]] = defaultdict(lambda: (_ZERO, _ZERO))
    for part in allocate(spent, rules):
        direct, shared = found[part.center]
        amount = part.amount
        found[part.center] = (
            (direct, _EXACT.add(shared, amount)) if part.is_shared else (_EXACT.add(direct, amount), shared)
        )
    return dict(found)


def _pieces(engine: Engine, asked: SpendRequest, rates: Rates, rules: Rules | None) -> pl.DataFrame:
    """The books in pieces that lie in one bucket, at one rate and under the same rules."""
    dims = [column for each in asked.by for column in _columns_of(each)]
    dims += [column for column in (rules.columns if rules else ()) if column not in dims]
    buckets = _buckets(asked)
    cuts = _cuts(asked, rates, rules)
    if cuts:
        starts = buckets.starts(asked.start, asked.end) if buckets else []
        buckets = Cuts((asked.start, *starts, *cuts))
    return lines(engine, asked.scope, dims, buckets, sums=_SUMS)


def _columns_of(by: SpendBy) -> tuple[str, ...]:
    if by is SpendBy.PROMPT:
        return ("prompt_name", "prompt_version")
    return (by.value,) if by.value in SLICE else ()


def _buckets(asked: SpendRequest) -> Bucketing | Cuts | None:
    """Buckets of the finest time asked for: the coarser ones are made of whole ones."""
    finest = next((each for each in TIMES if each in asked.by), None)
    if finest is None:
        return None
    if finest is SpendBy.HOUR:
        return fixed(HOUR, asked.start, asked.zone)
    if finest is SpendBy.YEAR:
        first, last = (moment.astimezone(asked.zone).year for moment in (asked.start, asked.end))
        return Cuts(tuple(datetime(year, 1, 1, tzinfo=asked.zone) for year in range(first, last + 1)))
    return Bucketing(asked.zone, calendar=Calendar(finest.value))


def _cuts(asked: SpendRequest, rates: Rates, rules: Rules | None) -> list[datetime]:
    """UTC midnights within the stretch at which a rate or a rule changes."""
    first, last = asked.start.date(), (asked.end - timedelta(microseconds=1)).date() + _DAY
    days = set(rates.changes(first, last))
    if rules is not None:
        days |= set(rules.cuts(first, last))
        if rules.need_days:
            days |= {first + n * _DAY for n in range(1, (last - first).days)}
    return [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in sorted(days)]


def _summed(
    pieces: pl.DataFrame, asked: SpendRequest, rates: Rates, rules: Rules | None
) -> dict[tuple[str, ...], _Sums]:
    """Labels -> sums, with every amount converted."""
    found: dict[tuple[str, ...], _Sums] = {}
    if rules is None:
        for day, key, row in _labelled(pieces, asked):
            _add(found, key, _counted(row), _EXACT.multiply(row["cost_usd"], rates.on(day)))
        return found
    at = asked.by.index(SpendBy.CENTER)
    labelled = list(_labelled(pieces, asked))
    spent = [
        Line(day, {column: row[column] for column in rules.columns}, key, row["cost_usd"]) for day, key, row in labelled
    ]
    counted: set[int] = set()
    for part in allocate(spent, rules):
        day, key, row = labelled[part.line]
        if part.line not in counted:
            counted.add(part.line)
            name = centers.SHARED if part.is_shared else part.center
            _add(found, (*key[:at], name, *key[at + 1 :]), _counted(row), _ZERO).is_passed_on = part.is_shared
        if part.amount:
            amount = _EXACT.multiply(part.amount, rates.on(day))
            _add(found, (*key[:at], part.center, *key[at + 1 :]), None, amount)
    return found


def _labelled(pieces: pl.DataFrame, asked: SpendRequest) -> Iterator[tuple[date, tuple[str, ...], dict[str, Any]]]:
    """Each piece with its UTC day (that it begins on) and its labels; a cost centre's is still empty."""
    for row in pieces.iter_rows(named=True):
        start: datetime = max(row["bucket"], asked.start) if "bucket" in row else asked.start
        local = start.astimezone(asked.zone)
        yield start.astimezone(UTC).date(), tuple(_label(each, row, local) for each in asked.by), row


def _label(by: SpendBy, row: Mapping[str, Any], local: datetime) -> str:
    if by in _WORDS:
        return local.strftime(_WORDS[by])
    if by is SpendBy.CENTER:
        return ""
    if by is SpendBy.PROMPT:
        return f"{row['prompt_name']} {row['prompt_version']}".strip() or UNATTRIBUTED
    return row[by.value] or UNATTRIBUTED


def _counted(row: Mapping[str, Any]) -> list[int]:
    prompt = row["input_tokens"] + row["cache_read_tokens"] + row["cache_write_tokens"]
    return [row["calls"], row["errors"], row["unpriced_calls"], prompt, row["output_tokens"]]


def _add(
    found: dict[tuple[str, ...], _Sums], key: tuple[str, ...], counts: Sequence[int] | None, cost: Decimal
) -> _Sums:
    sums = found.get(key)
    if sums is None:
        sums = found[key] = _Sums([0] * len(COUNTS))
    for at, count in enumerate(counts or ()):
        sums.counts[at] += count
    sums.known = _EXACT.add(sums.known, cost)
    return sums


def _rank(asked: SpendRequest, key: tuple[str, ...], sums: _Sums) -> tuple[Any, ...]:
    times = tuple(label for by, label in zip(asked.by, key, strict=True) if by in _WORDS)
    rest = tuple(label for by, label in zip(asked.by, key, strict=True) if by not in _WORDS)
    return times, sums.cost is None, -(sums.cost or _ZERO), -sums.counts[0], rest


def _total(asked: SpendRequest, sums: Any) -> list[str]:
    counts, cost = [0] * len(COUNTS), _ZERO
    for each in sums:
        counts = [a + b for a, b in zip(counts, each.counts, strict=True)]
        cost = _EXACT.add(cost, each.known)
    return ["total", *[""] * (len(asked.by) - 1), *map(str, counts), plain(cost)]
