"""`spanledger forecast`: where the month ends, the next days, what if, and how earlier forecasts turned out."""

from __future__ import annotations

import sys
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from spanledger_cli import running
from spanledger_cli.chart import chart
from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, busy, console, write_document, write_rows

if TYPE_CHECKING:
    from spanledger_store.settings import StoreSettings

_PATH = "/api/v1/forecast"
_EVERYTHING = "(everything)"
_UNATTRIBUTED = "(unattributed)"
_LINES: list[Column] = [
    ("value", "String"),
    ("spent", "Decimal"),
    ("month_end", "Decimal"),
    ("month_low_90", "Decimal"),
    ("month_high_90", "Decimal"),
    ("next_days", "Decimal"),
    ("next_low_90", "Decimal"),
    ("next_high_90", "Decimal"),
    ("method", "String"),
]
_OVER: list[Column] = [("chance_over", "Float64"), ("expected_at", "String"), ("earliest_at", "String")]
_SCENARIO: list[Column] = [
    ("value", "String"),
    ("factor", "Decimal"),
    ("spent", "Decimal"),
    ("month_end", "Decimal"),
    ("month_end_scenario", "Decimal"),
    ("next_days", "Decimal"),
    ("next_days_scenario", "Decimal"),
]
_ACCURACY: list[Column] = [
    ("days_ahead", "UInt16"),
    ("targets", "UInt64"),
    ("forecast", "Decimal"),
    ("actual", "Decimal"),
    ("wape", "Float64"),
    ("within_50", "Float64"),
    ("within_80", "Float64"),
    ("within_90", "Float64"),
]
_NONE_YET = "no forecast has been made yet. It is made daily; to have it now: spanledger jobs run forecast"


class By(StrEnum):
    """Dimensions that forecasts are made by."""

    CUSTOMER = "customer"
    FEATURE = "feature"
    TEAM = "team"
    PROVIDER = "provider"
    MODEL = "model"
    ENVIRONMENT = "environment"


def forecast(
    by: Annotated[By | None, typer.Option("--by", help="Each value of this beside everything.")] = None,
    horizon: Annotated[int, typer.Option("--horizon", metavar="DAYS", min=1, max=90, help="Days ahead.")] = 90,
    scenario: Annotated[
        str,
        typer.Option(
            "--scenario",
            metavar="CHANGES",
            help="What if: swap:MODEL=MODEL, price:MODEL=FACTOR, volume:CUSTOMER=FACTOR (or feature/NAME, team/NAME), "
            "cache:MODEL=SHARE; several with commas, models as patterns such as gpt-4o*.",
        ),
    ] = "",
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="USD", help="How likely each month ends above this, and when.")
    ] = None,
    accuracy: Annotated[
        bool, typer.Option("--accuracy", help="How earlier forecasts turned out, by how far ahead they spoke.")
    ] = False,
    zone: Annotated[str, typer.Option("--tz", metavar="ZONE", help="Time zone of the month.")] = "UTC",
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Show where the month ends and what the next days cost, with 50, 80 and 90 % bands.

    The month is what is spent, exactly, and the forecast of the rest. JSON has all bands and each day ahead.
    Values of a dimension add up to everything.

    Example: spanledger forecast --by customer --scenario "volume:Acme=1.2"
    """
    if accuracy and (scenario or limit is not None):
        raise Usage("--accuracy is about the past: leave out --scenario and --limit.")
    if scenario and limit is not None:
        raise Usage("--limit is about the forecast as it is: leave out --scenario, or --limit.")
    _zone(zone)
    settings = store_settings(data)
    named = by.value if by is not None else ""
    with busy("looking ahead"):
        if accuracy:
            found = _accuracy(settings, project, named)
        elif scenario:
            found = _scenario(settings, project, named, horizon, zone, scenario)
        else:
            found = _forecast(settings, project, named, horizon, zone, _dollars(limit), steps=form is not Format.CSV)
    if form is Format.JSON:
        write_document(found)
    elif accuracy:
        write_rows(_ACCURACY, [[each[name] for name, _ in _ACCURACY] for each in found["lines"]], form)
        if not found["lines"]:
            sys.stderr.write("note: no day that was forecast is over yet.\n")
    elif scenario:
        write_rows(_SCENARIO, [_of_scenario(each, form, whole=not at) for at, each in enumerate(found["lines"])], form)
    else:
        _write_forecast(found, form, with_limit=limit is not None)


def _forecast(
    settings: StoreSettings, project: str, by: str, days: int, zone: str, limit: Decimal | None, *, steps: bool
) -> dict[str, Any]:
    up = running.find(settings.data)
    if up is not None:
        asked = {"project": project, "by": by, "days": days, "tz": zone, "steps": steps}
        return up.get(f"{_PATH}?{urlencode(asked | ({} if limit is None else {'limit': str(limit)}))}")
    from spanledger_store.reports import outlooks

    def read(engine: Any, now: Any) -> dict[str, Any]:
        return outlooks.forecast(engine, project, now, _zone(zone), by=by, days=days, limit=limit, steps=steps)

    return _here(settings, read)


def _scenario(settings: StoreSettings, project: str, by: str, days: int, zone: str, text: str) -> dict[str, Any]:
    up = running.find(settings.data)
    if up is not None:
        body = {"scenario": text, "project": project, "by": by, "days": days, "tz": zone}
        return up.post(f"{_PATH}/scenario", body)
    from spanledger_store.outlook.scenario import Scenario, ScenarioInvalid
    from spanledger_store.reports import outlooks

    def read(engine: Any, now: Any) -> dict[str, Any]:
        return outlooks.scenario(engine, project, now, _zone(zone), Scenario.read(text), by=by, days=days)

    try:
        return _here(settings, read)
    except ScenarioInvalid as error:
        raise Usage(str(error)) from error


def _accuracy(settings: StoreSettings, project: str, by: str) -> dict[str, Any]:
    up = running.find(settings.data)
    if up is not None:
        return up.get(f"{_PATH}/accuracy?{urlencode({'project': project, 'by': by})}")
    from spanledger_store.reports import outlooks

    return _here(settings, lambda engine, now: outlooks.accuracy(engine, project, now, by=by))


def _here(settings: StoreSettings, read: Any) -> dict[str, Any]:
    """What `read` makes of this directory, its books and forecasts brought up to date first."""
    from datetime import UTC, datetime, timedelta

    from spanledger_analytics.jobs import forecast as forecasting
    from spanledger_analytics.jobs import ledger
    from spanledger_cli.reader import opened

    with opened(settings) as (engine, control):
        ledger.run(engine, control)
        now = datetime.now(UTC)
        forecasting.run(engine, control, now=now, patience=timedelta())
        return read(engine, now)


def _write_forecast(found: dict[str, Any], form: Format, *, with_limit: bool) -> None:
    columns = [*_LINES, *(_OVER if with_limit else [])]
    rows = [_row(each, form, whole=not at, with_limit=with_limit) for at, each in enumerate(found["lines"])]
    if form is Format.TABLE:
        whole = found["lines"][0] if found["lines"] else None
        if whole is None or whole["ahead"] is None:
            sys.stderr.write(f"note: {_NONE_YET}\n")
        else:
            _write_chart(found, whole)
        days = found["days"]
        columns = [(name.replace("next_days", f"next_{days}_days"), kind) for name, kind in columns]
    write_rows(columns, rows, form)


def _write_chart(found: dict[str, Any], whole: dict[str, Any]) -> None:
    steps = whole["steps"]
    been = [float(each["spent"]) for each in found["history"][-30:]]
    mean = [float(each["mean"]) for each in steps]
    low, high = ([float(each["quantiles"][at]) for each in steps] for at in (1, -2))
    shown = console()
    for line in chart(been, mean, low, high):
        shown.print(line, markup=False)
    shown.print(
        f"{'US$ a day':>12} {len(been)} days that were, {len(mean)} ahead: ▓ at least, ▒ expected, ░ at most (80 %)",
        markup=False,
    )


def _row(line: dict[str, Any], form: Format, *, whole: bool, with_limit: bool) -> list[Any]:
    month, ahead = line["month"], line["ahead"]
    row: list[Any] = [
        _named(line["value"], form, whole=whole),
        line["spent"],
        *([month["expected"], *month["bands"]["90"]] if month else [None] * 3),
        *([ahead["expected"], *ahead["bands"]["90"]] if ahead else [None] * 3),
        line["method"],
    ]
    if with_limit:
        of = line.get("limit") or {}
        row += [of.get(name) for name, _ in _OVER]
    return [_cents(value) if form is Format.TABLE and 1 <= at <= 7 else value for at, value in enumerate(row)]


def _of_scenario(line: dict[str, Any], form: Format, *, whole: bool) -> list[Any]:
    amounts = [line[name] for name in ("spent", "month", "month_scenario", "ahead", "ahead_scenario")]
    if form is Format.TABLE:
        amounts = [_cents(each) for each in amounts]
    return [_named(line["value"], form, whole=whole), line["factor"], *amounts]


def _named(value: str | None, form: Format, *, whole: bool) -> str:
    if whole:
        return _EVERYTHING
    return value or (_UNATTRIBUTED if form is Format.TABLE else "")


def _cents(value: str | None) -> str | None:
    return None if value is None else f"{Decimal(value):.2f}"


def _dollars(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise Usage(f"--limit {text!r} is no sum of US dollars; use one such as 500 or 0.25.") from error
    if not amount.is_finite() or amount < 0:
        raise Usage(f"--limit {text!r} is no sum of US dollars; use one such as 500 or 0.25.")
    return amount


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Usage(f"--tz {name!r} is no time zone; use a name such as UTC, Europe/Berlin or Asia/Tokyo.") from error
