"""What the forecast on the page Budgets & forecast is drawn with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.figures.base import PALETTE
from spanledger_dashboard.figures.fan import fan
from spanledger_dashboard.parts.basics import card, legend, switch, time_chart
from spanledger_dashboard.parts.sheet import Column, sheet
from spanledger_dashboard.parts.states import command
from spanledger_dashboard.view import View, written
from spanledger_store.outlook.forecasts import BANDS, DIMENSIONS, STEP, ends
from spanledger_store.reports.forecasts import Line
from spanledger_store.reports.outlooks import Course

COURSES = {"month": "This month", "days": "Day by day"}
SLICES = {"": "Everything", **{name: name.capitalize() for name in DIMENSIONS}}
MAX_VALUES = 20
AHEAD = (30, 90)
# Of each month, what was said on these days of it.
SAID_ON = (1, 8, 15, 22)


def forecast_card(
    view: View,
    course: Course,
    dimension: str,
    value: str,
    picked: str,
    values: Sequence[Line],
    factor: Decimal | None,
) -> Component:
    """The fan of one slice, its figures, and the values that can be picked instead."""
    which = view.choice("course", COURSES, "month")
    stored = course.line.stored
    right = [
        switch("Course", COURSES, which, {key: view.href(course=key) for key in COURSES}),
        switch("Slice", SLICES, picked or dimension,
               {key: view.href(slice=key or None, value=None) for key in SLICES}),
    ]  # fmt: skip
    name = "everything" if not dimension else f"{dimension} {fmt.named(value)}"
    beside = [html.Span(name, className="dim")]
    body: list[Any]
    if stored is None or course.begins is None:
        body = [html.P(f"There is no forecast of {name} yet. It is made daily; to have it now:", className="dim"),
                command("spanledger jobs run forecast")]  # fmt: skip
    else:
        figure = by_month(view, course, factor) if which == "month" and course.line.outlook else by_day(course, factor)
        label = f"Spend of {name} so far, and as expected with its bands"
        tints = [("Spent and expected", PALETTE[0]), *([("Scenario", PALETTE[2])] if factor is not None else [])]
        note = html.P("Bands hold 50, 80 and 90 of 100 such sums. A day is a UTC day.", className="note")
        body = [time_chart("forecast-fan", figure, 300, label), legend(tints), note, figures(course)]
    if picked:
        body.append(picker(view, picked, values))
    return card("Forecast", html.Div(body, className="cb"), beside=beside, right=right)


def by_month(view: View, course: Course, factor: Decimal | None) -> Any:
    """The month added up, from nothing to its end."""
    ahead = course.line.outlook
    assert ahead is not None
    edges = [start for start, _ in course.month_days[1:]]
    spent = list(accumulate(float(amount) for _, amount in course.month_days))
    starts = [course.month.start, *edges, view.now]
    been = [0.0, *spent[:-1], float(ahead.spent)] if spent else [0.0, float(ahead.spent)]
    coming = list(zip(ahead.days, ahead.likely, strict=True))[1:]
    scale = None if factor is None else float(factor)
    return fan(
        [_local(view, each) for each in starts],
        been,
        [_local(view, at) for (at, _), _ in coming],
        [amount for (_, amount), _ in coming],
        {band: tuple([each[end] for _, each in coming] for end in ends(band)) for band in BANDS},  # type: ignore[misc]
        scenario=None if scale is None
        else [float(ahead.spent) + (amount - float(ahead.spent)) * scale for (_, amount), _ in coming],
    )  # fmt: skip


def by_day(course: Course, factor: Decimal | None) -> Any:
    """What was spent on each UTC day, and what is expected of the next."""
    stored = course.line.stored
    assert stored is not None
    mean = [float(each) for each in stored.mean]
    return fan(
        [day.replace(tzinfo=None) for day, _ in course.days],
        [float(amount) for _, amount in course.days],
        [(stored.begins + number * STEP["day"]).replace(tzinfo=None) for number in range(stored.horizon)],
        mean,
        {band: tuple(list(stored.steps[end]) for end in ends(band)) for band in BANDS},  # type: ignore[misc]
        scenario=None if factor is None else [each * float(factor) for each in mean],
    )


def figures(course: Course) -> Component:
    """The month's end and the next days, each with its bands."""
    rows: list[list[Any]] = []
    ahead, stored = course.line.outlook, course.line.stored
    if ahead is not None:
        end = course.month.end - timedelta(seconds=1)
        rows.append([f"{end:%B} ends at", fmt.money(ahead.expected), *(between(*ahead.band(band)) for band in BANDS)])
    if stored is not None:
        for days in (each for each in AHEAD if each <= stored.horizon):
            bands = [[Decimal(repr(edge)) for edge in stored.total_band(days, band)] for band in BANDS]
            rows.append([f"Next {days} days", fmt.money(stored.total(days)), *(between(*each) for each in bands)])
    columns = [Column("Spend", number=False), Column("Expected"), *(Column(f"{band} %") for band in BANDS)]
    return sheet(columns, rows, "Figures of the forecast")


def between(low: Decimal, high: Decimal) -> str:
    """Two ends of a band."""
    return f"{fmt.money(low)}–{fmt.money(high)}"


def picker(view: View, picked: str, values: Sequence[Line]) -> Component:
    """Where each value ends the month, the dearest first; a name shows its course."""
    rows: list[list[Any]] = []
    for line in values[:MAX_VALUES]:
        ahead = line.outlook
        rows.append(
            [
                html.A(fmt.named(line.value), href=view.href(value=written(line.value))),
                fmt.money(line.spent),
                fmt.DASH if ahead is None else fmt.money(ahead.expected),
                fmt.DASH if ahead is None else between(*ahead.band(80)),
            ]
        )
    columns = [Column(picked.capitalize(), number=False), Column("Spent"), Column("Month ends at"), Column("80 %")]
    table = sheet(columns, rows, f"Where each {picked} ends the month")
    if len(values) <= MAX_VALUES:
        return table
    more = f"{len(values) - MAX_VALUES:,} more: filter by one of them, or ask spanledger forecast --by {picked}"
    return html.Div([table, html.P(more, className="note")])


def scenario_result(found: Mapping[str, Any], line: Mapping[str, Any] | None) -> Component:
    """What the scenario makes of the month, of the next days, and of the calls that it rests on."""
    before, after = (Decimal(found["recent"][name]) for name in ("cost", "scenario"))
    rows: list[list[Any]] = []
    if line is not None:
        for name, key in (("This month ends at", "month"), (f"Next {found['days']} days", "ahead")):
            if line[key] is not None:
                rows.append(compared(name, Decimal(line[key]), Decimal(line[f"{key}_scenario"])))
    rows.append(compared("All calls of the last 30 days", before, after))
    unpriced = found["recent"]["unpriced_calls"]
    notes = [html.P(f"{fmt.count(unpriced)} calls have no price and are in none of these.", className="note")]
    columns = [Column("", number=False), Column("As it is"), Column("Scenario"), Column("Difference"), Column("")]
    return html.Div([sheet(columns, rows, "What the scenario changes"), *(notes if unpriced else [])])


def compared(name: str, before: Decimal, after: Decimal) -> list[Any]:
    """A row: as it is, as it would be, and the difference."""
    change = fmt.change(float(after), float(before))
    less = after - before
    return [name, fmt.money(before), fmt.money(after), f"{'−' if less < 0 else '+'}{fmt.money(abs(less))}",
            fmt.signed(change)]  # fmt: skip


def accuracy_card(found: Mapping[str, Any], dimension: str) -> Component:
    """How far forecasts were off, by how far ahead they spoke; and what was said of months that are over."""
    of = f" by {dimension}" if dimension else ""
    if not found["lines"]:
        text = "No day that was forecast is over yet: look again tomorrow."
        return card("What was forecast, and what came", html.Div(html.P(text, className="dim"), className="cb"))
    rows = [
        [
            f"Up to {each['days_ahead']} days",
            fmt.count(each["targets"]),
            fmt.money(Decimal(each["forecast"])),
            fmt.money(Decimal(each["actual"])),
            fmt.share(each["wape"]),
            *(fmt.share(each.get(f"within_{band}"), 0) for band in BANDS),
        ]
        for each in found["lines"]
    ]
    columns = [
        Column("Days ahead", number=False), Column("Days"), Column("Forecast"), Column("Came"),
        Column("Error", hint="WAPE: the sum of absolute errors per spend"),
        *(Column(f"In {band} %", hint=f"Share of days in their band of {band} %") for band in BANDS),
    ]  # fmt: skip
    parts: list[Any] = [sheet(columns, rows, "Forecasts of days, and what came")]
    if said := months(found["months"]):
        parts.append(said)
    return card(f"What was forecast{of}, and what came", html.Div(parts, className="cb"))


def months(found: Sequence[Mapping[str, Any]]) -> Component | None:
    """What was said of each month that is over, on four of its days."""
    rows: list[list[Any]] = []
    for each in found:
        day = datetime.fromisoformat(each["said_at"]).astimezone(UTC)
        if day.day not in SAID_ON:
            continue
        low, high, actual = (Decimal(each[name]) for name in ("low_90", "high_90", "actual"))
        rows.append(
            [
                f"{day:%-d %b %Y}",
                fmt.money(Decimal(each["expected"])),
                between(low, high),
                fmt.money(actual),
                "yes" if low <= actual <= high else "no",
            ]
        )
    if not rows:
        return None
    columns = [Column("Said of the month on", number=False), Column("Expected"), Column("90 %"), Column("Came"),
               Column("In the band")]  # fmt: skip
    return sheet(columns, rows, "What was said of months")


def _local(view: View, moment: datetime) -> datetime:
    return moment.astimezone(view.zone).replace(tzinfo=None)
