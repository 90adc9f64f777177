"""What is paid beside the calls: the unused rest of commitments, and days of GPUs that no call carries.

The books hold what calls cost. A commitment is paid whether calls use it or not, so of each month the smaller of both
is in the books already, and the rest is a line of its own here: books + lines = what is owed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any, Final

from spanledger.pricebook import EVERY_PROJECT, Kind, Price, matches
from spanledger_store.control import Control, prices, projects
from spanledger_store.engine import Engine
from spanledger_store.pricing import gpu_hours
from spanledger_store.reports.books import books
from spanledger_store.scope import Dimension, Scope

_EXACT: Final = Context(prec=60)
_ZERO: Final = Decimal(0)
_BY: Final = (Dimension.PROVIDER, Dimension.MODEL, Dimension.CUSTOMER, Dimension.FEATURE)


@dataclass(frozen=True, slots=True)
class Line:
    """One entry's month (a commitment) or day (GPUs).

    | field | |
    |---|---|
    | agreed | dollars that are paid in any case |
    | used | what of them is in the books, as the cost of calls |
    | beyond | what calls cost beyond them, which is in the books too; None for GPUs |
    | unused | agreed - used: the line beside the books; while `open`, the most it can be |
    """

    entry: str
    kind: Kind
    start: datetime
    end: datetime
    agreed: Decimal
    used: Decimal
    beyond: Decimal | None
    open: bool

    @property
    def unused(self) -> Decimal:
        """Dollars beside the books."""
        return _EXACT.subtract(self.agreed, self.used)

    def as_json(self) -> dict[str, Any]:
        """Every field, amounts as strings of all their digits."""
        return {
            "entry": self.entry,
            "kind": self.kind.value,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "agreed": f"{self.agreed:f}",
            "used": f"{self.used:f}",
            "unused": f"{self.unused:f}",
            "beyond": None if self.beyond is None else f"{self.beyond:f}",
            "open": self.open,
        }


def lines(engine: Engine, control: Control, project: str, start: datetime, end: datetime, now: datetime) -> list[Line]:
    """Every month and day of [start, end) of the project's commitments and GPUs, and those of every project.

    `used` is the ledger's, exactly. Where a call falls under several commitments it draws down the more specific one
    first, and the next one once that is used up.
    """
    own = [each for each in prices.book(control).entries if each.project in (project, EVERY_PROJECT)]
    found = list(_commitments(engine, control, own, project, start, end, now))
    for entry in own:
        if entry.kind is Kind.GPU:
            found += _days(engine, entry, start, end, now)
    return sorted(found, key=lambda each: (each.start, each.entry))


def _days(engine: Engine, entry: Price, start: datetime, end: datetime, now: datetime) -> Iterator[Line]:
    held = gpu_hours.made(engine, entry, (start, end))
    cost = gpu_hours.cost_of_day(entry)
    for day in gpu_hours.days(entry, start, end, now):
        used = gpu_hours.booked(entry, held.get(day.date(), []))
        yield Line(entry.source, entry.kind, day, day + gpu_hours.DAY, cost, used, None, open=False)


def _commitments(
    engine: Engine, control: Control, entries: Sequence[Price], project: str, start: datetime, end: datetime,
    now: datetime,
) -> Iterator[Line]:  # fmt: skip
    commitments = [each for each in entries if each.kind is Kind.COMMITMENT]
    if not commitments:
        return
    for first, following in months(start, min(end, now)):
        # In the order of precedence: what one cannot take falls to the next.
        holding = sorted((each for each in commitments if each.holds(first)), key=_specific, reverse=True)
        if not holding:
            continue
        slices = _spent(engine, control, holding, project, first, following)
        left = {each.source: each.amount or _ZERO for each in holding}
        beyond = dict.fromkeys(left, _ZERO)
        for (of, *names), cost in sorted(slices.items()):
            rest, last = cost, None
            for each in holding:
                if not _covers(each, of, names):
                    continue
                last = each.source
                drawn = min(rest, left[last])
                left[last] = _EXACT.subtract(left[last], drawn)
                rest = _EXACT.subtract(rest, drawn)
            if last is not None:
                beyond[last] = _EXACT.add(beyond[last], rest)
        for each in holding:
            agreed = each.amount or _ZERO
            used = _EXACT.subtract(agreed, left[each.source])
            yield Line(
                each.source, each.kind, first, following, agreed, used, beyond[each.source], open=following > now
            )


def _spent(
    engine: Engine, control: Control, holding: Sequence[Price], project: str, first: datetime, following: datetime
) -> dict[tuple[str, ...], Decimal]:
    """(project, provider, model, customer, feature) -> what its calls cost; every project's where one is about them."""
    about = [project]
    if any(each.project == EVERY_PROJECT for each in holding):
        about = [each.id for each in projects.listing(control)]
    found: dict[tuple[str, ...], Decimal] = {}
    for each in about:
        frame = books(engine, Scope(each, first, following), _BY)
        for row in frame.iter_rows(named=True):
            found[each, *(row[name.value] for name in _BY)] = row["cost_usd"]
    return found


def _covers(entry: Price, project: str, names: Sequence[str]) -> bool:
    provider, model, customer, feature = names
    return (
        entry.project in (project, EVERY_PROJECT)
        and matches(entry.model, model)
        and (not entry.provider or matches(entry.provider, provider))
        and entry.customer in ("", customer)
        and entry.feature in ("", feature)
    )


def _specific(entry: Price) -> tuple[object, ...]:
    return (
        bool(entry.customer), bool(entry.feature), len(entry.model.rstrip("*")), len(entry.provider),
        entry.project != EVERY_PROJECT, entry.start, entry.name,
    )  # fmt: skip


def months(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The calendar months, in UTC, that touch [start, end), whole."""
    first = start.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while first < end:
        following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
        yield first, following
        first = following
