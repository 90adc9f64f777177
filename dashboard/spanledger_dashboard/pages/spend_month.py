"""The month on the Spend page: what it has cost, what the same days of the month before had, and where it ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.figures.base import PALETTE
from spanledger_dashboard.parts.kpi import Better, Kpi, strip
from spanledger_dashboard.view import View
from spanledger_store.reports.month import Month

BAND = 80


async def render(data: Data, view: View) -> Sequence[Any]:
    """The strip; nothing where the books cannot answer, or have no call in either month."""
    try:
        month = await data.month(view.project, view.now, view.zone, view.filters)
    except ValueError:
        return [[]]
    return [[] if not month.spent and not month.earlier else month_strip(view, month)]


def month_strip(view: View, month: Month) -> Component:
    """Month to date, the same days before, the whole month before, and the month's end with its band."""
    of = month.window
    start = of.start.astimezone(view.zone)
    earlier = (start - timedelta(days=1)).replace(day=1)
    change = None if month.same_days is None else fmt.change(float(month.spent), float(month.same_days))
    items = [
        Kpi(
            f"{start:%B} so far", fmt.money(month.spent), "", change, Better.DOWN, PALETTE[0],
            href=view.calls("/spend", {}, of.start, max(view.now, of.start + timedelta(hours=1))),
            hint=f"Exactly {fmt.exact(month.spent)} USD",
        ),
        Kpi(
            f"Same days of {earlier:%B}", fmt.money(month.same_days, "unknown"),
            href=None if month.same_days is None
            else view.calls("/spend", {}, earlier.astimezone(UTC), same_moment(earlier, of.start, view.now)),
            hint="Up to the same moment of the month before",
        ),
        Kpi(f"All of {earlier:%B}", fmt.money(month.earlier, "unknown")),
        ending(view, month),
    ]  # fmt: skip
    return strip(items)


def same_moment(earlier: datetime, start: datetime, now: datetime) -> datetime:
    """As far into the month before as `now` is into its own, and never beyond that month."""
    return min(earlier.astimezone(UTC) + (now - start), start)


def ending(view: View, month: Month) -> Kpi:
    """The forecast of the month's end, with the band that holds it in eight of ten months."""
    name = f"{month.window.start.astimezone(view.zone):%B} will end at"
    ahead = month.outlook
    if ahead is None:
        why = (
            "No forecast has been made yet: it is made daily, once there are calls"
            if month.is_forecast
            else "Forecasts are made by one dimension at a time: filter by one value"
        )
        return Kpi(name, fmt.DASH, " no forecast", hint=why, href=view.href("/budgets"))
    low, high = ahead.band(BAND)
    change = None if month.earlier is None else fmt.change(float(ahead.expected), float(month.earlier))
    return Kpi(
        name, fmt.money(ahead.expected), f" {fmt.money(low)}–{fmt.money(high)}", change, Better.DOWN,
        href=view.href("/budgets"), hint=f"With the band that holds the end in {BAND} of 100 months",
    )  # fmt: skip
