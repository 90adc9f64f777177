"""The month of now beside the one before it: what is spent, what the same days had cost, and where it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from spanledger_store.engine import Engine
from spanledger_store.outlook.forecasts import DIMENSIONS, Outlook, outlook
from spanledger_store.periods import Period, Window, before, window
from spanledger_store.reports import catalog, forecasts
from spanledger_store.reports.books import books
from spanledger_store.reports.buckets import Cuts
from spanledger_store.scope import Dimension, Scope, whole_hours

Filters = Mapping[Dimension, tuple[str, ...]]
_ZERO: Final = Decimal(0)
# Books that begin so much later than a month still tell of its days.
_FORGIVEN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Month:
    """A slice's month: `same_days` and `earlier` are of the month before, up to the same moment and as a whole.

    Those are None where the books begin later; `outlook` is None where no forecast is made of such a slice, or was
    made yet.
    """

    window: Window
    spent: Decimal
    same_days: Decimal | None
    earlier: Decimal | None
    outlook: Outlook | None
    is_forecast: bool


def month(engine: Engine, project: str, now: datetime, zone: ZoneInfo, filters: Filters) -> Month:
    """The month of `now` in the zone's calendar for the calls that the filters let through.

    Sums are the ledger's, to the hour of now; where the month cuts UTC hours it is widened to them. Raises ValueError
    for filters that the ledger does not keep.
    """
    of = window(Period.MONTH, zone, now)
    past = before(Period.MONTH, zone, of)
    (first, _), (_, here) = whole_hours(of.start, of.start), whole_hours(now, now + timedelta(microseconds=1))
    start, _ = whole_hours(past.start, past.start)
    same, _ = whole_hours(min(past.start + (here - of.start), of.start), of.start)
    frame = books(engine, Scope(project, start, here, filters), (), Cuts((start, same, first)), sums=("cost_usd",))
    spent = dict(zip(frame["bucket"].to_list(), frame["cost_usd"].to_list(), strict=True))
    first_hour = catalog.first_hour(engine, project)
    covered = first_hour is not None and first_hour <= past.start + _FORGIVEN
    same_days = spent.get(start, _ZERO) if same > start else _ZERO
    rest = spent.get(same, _ZERO) if same < first else _ZERO
    named = forecast_of(filters)
    so_far = spent.get(first, _ZERO)
    return Month(
        window=of,
        spent=so_far,
        same_days=same_days if covered else None,
        earlier=same_days + rest if covered else None,
        outlook=None if named is None else _outlook(engine, project, now, of, so_far, *named),
        is_forecast=named is not None,
    )


def forecast_of(filters: Filters) -> tuple[str, str] | None:
    """(dimension, value) of the forecast that is made of such calls, ('', '') of everything; None where none is."""
    asked = [(dimension.value, values) for dimension, values in filters.items() if values]
    if not asked:
        return "", ""
    dimension, values = asked[0]
    return (dimension, values[0]) if len(asked) == 1 and len(values) == 1 and dimension in DIMENSIONS else None


def _outlook(
    engine: Engine, project: str, now: datetime, of: Window, spent: Decimal, dimension: str, value: str
) -> Outlook | None:
    found = forecasts.newest(engine, project, now)
    if found is None:
        return None
    made = forecasts.made(engine, project, found[0], dimension, [value] if dimension else [])
    return outlook(made[0], spent, now, of.end, forecasts.clock(engine, project, found[0])) if made else None
