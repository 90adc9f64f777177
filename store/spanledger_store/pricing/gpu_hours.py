"""Models of one's own, on GPUs that cost by the hour: what a day of them costs, spread over the calls it served.

Until a day is over, its calls have the estimate of their entry's rates. Then its cost is known: GPUs x 24 hours x the
price of an hour. Every call gets the part that its tokens, or its time, are of all of the day's, and the parts add up
to the day's cost exactly. Idle hours are in it: a day with few calls has dear ones. Calls of unknown size keep theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

from spanledger.pricebook import Book, Price, Share, matches
from spanledger.pricing import Cost
from spanledger_store import audit
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.pricing.price_writing import New, Rewriting, differs
from spanledger_store.reports.price_sources import Made, sources_by_day
from spanledger_store.stored_calls import BLOCK, Period, blocks, expired_calls, moment_of, slice_of, usage_of

# How long after midnight a day's calls may still be on their way; later ones have it spread once more.
GRACE: Final = timedelta(minutes=10)
DAY: Final = timedelta(days=1)
_ZERO: Final = Decimal("0.000000000000")
_QUANTUM: Final = Decimal("1e-12")
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[])


@dataclass(frozen=True, slots=True)
class Day:
    """A UTC day of one entry, as it is booked.

    | field | |
    |---|---|
    | cost | dollars of its GPU-hours |
    | calls, weight | calls it served, and their tokens or nanoseconds |
    | booked | dollars that its calls have from it; None while it is an estimate, or where no call could carry it |
    """

    start: datetime
    cost: Decimal
    calls: int
    weight: int
    booked: Decimal | None

    @property
    def idle(self) -> Decimal:
        """Dollars that no call carries."""
        return self.cost if self.booked is None else _EXACT.subtract(self.cost, self.booked)


def measured(entry: Price) -> str:
    """The `price_source` of a call that carries its part of a day."""
    return f"{entry.source} measured"


def cost_of_day(entry: Price) -> Decimal:
    """What a day of an entry's GPUs costs, to the ledger's 12 places."""
    hours = _EXACT.multiply(Decimal(24), Decimal(entry.gpus or 0))
    return _EXACT.quantize(_EXACT.multiply(hours, entry.amount or _ZERO), _QUANTUM)


def days(entry: Price, start: datetime, end: datetime, now: datetime) -> Iterator[datetime]:
    """The UTC days that touch [start, end), that the entry holds on and that are over."""
    day = max(start, entry.start).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    last = min(end, now - GRACE) if entry.end is None else min(end, entry.end, now - GRACE)
    while day < last:
        if day + DAY <= now - GRACE:
            yield day
        day += DAY


def spread(
    engine: Engine,
    control: Control,
    book: Book,
    entry: Price,
    within: tuple[datetime, datetime],
    interface: str,
    now: datetime | None = None,
) -> int:
    """Have the calls of each day that is over carry its cost; how many rows changed. The caller holds `exclusively`.

    Running it again changes nothing. Days of which calls have expired are left as they are: who carried what of them is
    no longer known.
    """
    changed = 0
    action = audit.Action("gpu hours", entry.project, "", interface)
    held = made(engine, entry, within)
    with Rewriting(engine, control, action) as rewriting:
        for day in days(entry, *within, now or datetime.now(UTC)):
            groups = held.get(day.date(), [])
            if _is_settled(entry, groups) or expired_calls(engine, Period(day, day + DAY, entry.project)):
                continue
            state = look(engine, book, entry, day)
            if not state.weight or state.booked == state.cost:
                continue
            for news in _shares(engine, book, entry, state):
                rewriting.write(news)
                changed += len(news)
    if rewriting.has_written:
        details = {"from": within[0].isoformat(), "to": within[1].isoformat(), "version": str(entry.version)}
        audit.finish(engine, action, {"changed": changed}, details)
    return changed


def made(engine: Engine, entry: Price, within: tuple[datetime, datetime]) -> dict[date, list[Made]]:
    """What prices made of the entry's models, by UTC day: whole days, though `within` cuts them."""
    start, end = (each.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) for each in within)
    found = sources_by_day(engine, Period(start, end if end == within[1] else end + DAY, entry.project))
    return {day: [each for each in groups if matches(entry.model, each.model)] for day, groups in found.items()}


def booked(entry: Price, groups: Sequence[Made]) -> Decimal:
    """Dollars that calls carry of a day's cost."""
    total = _ZERO
    for each in groups:
        total = _EXACT.add(total, each.cost) if each.source == measured(entry) else total
    return total


def look(engine: Engine, book: Book, entry: Price, day: datetime) -> Day:
    """How a day is booked, call by call."""
    calls = weight = 0
    carried, complete = _ZERO, True
    for _, row in _served(engine, book, entry, day):
        calls += row["call_count"]
        weight += _weight(entry, row)
        if row["price_source"] == measured(entry):
            carried = _EXACT.add(carried, row["cost_usd"] or _ZERO)
        else:
            complete = False
    return Day(day, cost_of_day(entry), calls, weight, carried if complete and calls else None)


def _is_settled(entry: Price, groups: Sequence[Made]) -> bool:
    """Whether a day's cost is on its calls and none waits for a part of it: told from sums, since it is asked often."""
    if any(each.source in ("", f"{entry.source} estimate") for each in groups):
        return False
    return booked(entry, groups) in (cost_of_day(entry), _ZERO)


def _shares(engine: Engine, book: Book, entry: Price, day: Day) -> Iterator[list[New]]:
    """What calls carry from now on, in blocks of one model. Sums are rounded, never the parts: so these add up."""
    passed, given = 0, _ZERO
    of, news = "", list[New]()
    for model, row in _served(engine, book, entry, day.start):
        if news and (model != of or len(news) >= BLOCK):
            yield news
            news = []
        of = model
        passed += _weight(entry, row)
        whole = _EXACT.divide(_EXACT.multiply(day.cost, Decimal(min(passed, day.weight))), Decimal(day.weight))
        upto = _EXACT.quantize(whole, _QUANTUM)
        part, given = _EXACT.subtract(upto, given), upto
        cost = Cost(part, _ZERO, _ZERO, _ZERO, _ZERO, part, measured(entry))
        if differs(row, cost):
            news.append((row, cost))
    yield news


def _served(engine: Engine, book: Book, entry: Price, day: datetime) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The day's calls of known size that no better price than this entry's decides, by model and the table's key."""
    groups = made(engine, entry, (day, day + DAY)).get(day.date(), [])
    for model in sorted({each.model for each in groups}):
        for block in blocks(engine, Period(day, day + DAY, entry.project, model=model)):
            for row in block:
                base = book.terms(slice_of(row, entry.project), moment_of(row)).base
                if base is not None and base.source == entry.source and _weight(entry, row):
                    yield model, row


def _weight(entry: Price, row: Mapping[str, Any]) -> int:
    if entry.share is Share.DURATION:
        return int(row["duration_ns"] or 0)
    usage = usage_of(row)
    return (usage.total_input or 0) + (usage.total_output or 0)
