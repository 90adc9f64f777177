"""Bills and revenue on the Spend page: how invoices stand against the ledger, and what customers leave."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from shlex import quote
from typing import Any

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.parts.basics import card, pill
from spanledger_dashboard.parts.sheet import Column, sheet
from spanledger_dashboard.parts.states import command
from spanledger_dashboard.view import View
from spanledger_store.billing.reconciliation_sides import Row, Status
from spanledger_store.billing.reconciling import LONGEST, Question
from spanledger_store.control.errors import CurrencyInvalid, RateUnknown
from spanledger_store.finance.revenue import Margin
from spanledger_store.scope import Dimension

STATUS = {
    Status.UNEXPLAINED: ("unexplained", "bad"),
    Status.EXPLAINED: ("explained", "ok"),
    Status.MATCHED: ("matched", "ok"),
    Status.NO_BILL: ("no bill", ""),
}
MAX_MARGINS = 30


async def render(data: Data, view: View) -> Sequence[Any]:
    """Both cards, of the months that the range touches; they know neither filters nor zones."""
    start, end = months(view)
    return [list(await asyncio.gather(bills(data, view, start, end), margins(data, view, start, end)))]


def months(view: View) -> tuple[date, date]:
    """The UTC months of the range, from the first day of one to that after the last; no longer than can be asked."""
    last = (view.range.end - timedelta(microseconds=1)).astimezone(UTC).date().replace(day=1)
    end = (last + timedelta(days=32)).replace(day=1)
    start = view.range.start.astimezone(UTC).date().replace(day=1)
    while end - start > LONGEST:
        start = (start + timedelta(days=32)).replace(day=1)
    return start, end


async def bills(data: Data, view: View, start: date, end: date) -> Component:
    """How each provider's bill stands month by month; without a bill, how to import one."""
    if not await data.bills(view.project):
        text = f"spanledger import bill FILE --project {quote(view.project)}"
        body: Any = [html.P("Set the provider's own bill against the ledger, line by line.", className="dim"),
                     command(text)]  # fmt: skip
        return card("Against the invoice", html.Div(body, className="cb"))
    try:
        found = await data.reconciliation(Question(view.project, start, end, by_month=True))
    except (CurrencyInvalid, RateUnknown) as error:
        return card("Against the invoice", html.Div(html.P(str(error), className="dim"), className="cb"))
    return card("Against the invoice", html.Div([invoices(view, found.rows), *hint(found.unexplained)], className="cb"))


def invoices(view: View, rows: Sequence[Row]) -> Component:
    """A line per provider and month: bill, ledger, and what of the difference is explained."""
    grouped: defaultdict[tuple[date, str], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row.period, row.provider].append(row)
    lines: list[list[Any]] = []
    for (period, provider), group in sorted(grouped.items(), key=lambda item: (item[0][0], item[0][1]), reverse=True):
        worst = min((row.status for row in group), key=list(STATUS).index)
        bill, ledger = (_sum(getattr(row, side) for row in group) for side in ("bill", "ledger"))
        unexplained = _sum(row.unexplained for row in group)
        following = (period + timedelta(days=32)).replace(day=1)
        calls = view.calls("/spend", {"provider": provider}, _midnight(period), _midnight(following), by="model")
        lines.append(
            [
                html.A(f"{provider}, {period:%b %Y}", href=calls),
                pill(*STATUS[worst]),
                fmt.DASH if worst is Status.NO_BILL else fmt.money(bill),
                fmt.money(ledger),
                *((fmt.DASH, fmt.DASH) if worst is Status.NO_BILL
                  else (fmt.money(bill - ledger - unexplained), fmt.money(unexplained))),
            ]
        )  # fmt: skip
    columns = [
        Column("Provider and month", number=False), Column("", number=False), Column("Bill"), Column("Ledger"),
        Column("Explained", hint="Of the difference, with evidence: batch, late, unpriced, rounding and others"),
        Column("Unexplained"),
    ]  # fmt: skip
    return sheet(columns, lines, "Bills against the ledger")


def hint(rows: Sequence[Row]) -> list[Component]:
    """The command that shows what is unexplained, model by model; nothing where all is."""
    if not rows:
        return []
    return [html.P(f"{len(rows):,} rows differ by more than the tolerance. Model by model: spanledger reconcile",
                   className="note")]  # fmt: skip


async def margins(data: Data, view: View, start: date, end: date) -> Any:
    """What each customer paid, spent and left; nothing at all where no revenue is known."""
    try:
        found = await data.margins(view.project, start, end)
    except (CurrencyInvalid, RateUnknown) as error:
        return card("Margin", html.Div(html.P(str(error), className="dim"), className="cb"))
    wanted = view.filters.get(Dimension.CUSTOMER)
    known = [each for each in found if each.revenue is not None and (not wanted or each.customer in wanted)]
    if not known:
        return []
    known.sort(key=lambda each: (each.margin is None, each.margin or Decimal(0)))
    return margin_card(view, known)


def margin_card(view: View, known: Sequence[Margin]) -> Component:
    """Customers by what they leave, the least first."""
    several = len({each.month for each in known}) > 1
    rows: list[list[Any]] = []
    for each in known[:MAX_MARGINS]:
        following = (each.month + timedelta(days=32)).replace(day=1)
        href = view.calls(
            "/spend", {"customer": each.customer}, _midnight(each.month), _midnight(following), by="model"
        )
        name = fmt.named(each.customer) + (f", {each.month:%b %Y}" if several else "")
        rows.append(
            [
                html.A(name, href=href),
                fmt.money(each.revenue),
                fmt.money(each.spend, "unpriced"),
                fmt.money(each.margin, "unknown"),
                fmt.share(each.share, 0),
            ]
        )
    columns = [Column("Customer", number=False), Column("Revenue"), Column("Spend"), Column("Margin"), Column("Share")]
    more = (
        [html.P(f"{len(known) - MAX_MARGINS:,} more: spanledger margin", className="note")]
        if len(known) > MAX_MARGINS
        else []
    )
    return card("Margin", html.Div([sheet(columns, rows, "Margin by customer"), *more], className="cb"))


def _sum(amounts: Any) -> Decimal:
    return sum(amounts, Decimal(0))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
