"""`spanledger spend`: the ledger on one page."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, busy, write_rows

if TYPE_CHECKING:
    from spanledger_store.spend import SpendBy

UNPRICED = "unpriced"
# Decimals add up exactly as long as the context does not round: more digits than any sum of Decimal(38, 12) has.
_EXACT = Context(prec=80)


def spend(
    by: Annotated[
        str,
        typer.Option(
            "--by",
            help="Comma-separated: customer, feature, team, provider, model, prompt, environment, release, "
            "hour, day, month, year.",
        ),
    ] = "customer,model",
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Date or ISO time; else the current month's start.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Date or ISO time, not included; else now.")
    ] = None,
    zone: Annotated[str, typer.Option("--tz", metavar="ZONE", help="Zone of days, months, --from and --to.")] = "UTC",
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Show spend from the ledger.

    Exact to the last digit; calls that have no price, or no owner, have their own lines.
    A group in which no call has a price costs `unpriced` (empty in CSV, null in JSON), never 0.

    Example: spanledger spend --by month,customer --from 2026-01-01 --tz Europe/Berlin --format csv
    """
    from spanledger_cli.reader import answer
    from spanledger_store.spend import TIMES, spend_statement

    dimensions = _dimensions(by)
    where = _zone(zone)
    now = datetime.now(where)
    first = _moment(start, where, "--from") if start else _midnight(now.date().replace(day=1), where)
    last = _moment(end, where, "--to") if end else (now + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    if not first < last:
        raise Usage(f"--from {first.isoformat()} is not before --to {last.isoformat()}. Swap them, or leave one out.")
    timed = any(each in TIMES for each in dimensions)
    for moment in (first, last):
        if moment.timestamp() % 3600 or (timed and _fraction(moment)):
            raise Usage(
                f"the ledger keeps whole UTC hours, and {moment.isoformat()} in {zone} begins between two of them. "
                "Use --tz UTC, or sum up the table `spans` with: spanledger query"
            )
    sql, params = spend_statement(dimensions, project=project, start=first, end=last, zone=zone)
    with busy("adding up"):
        columns, rows = answer(store_settings(data), sql, params)
    named = [(name.removeprefix("by_"), kind) for name, kind in columns]
    total = _total(named, rows, len(dimensions))
    if form is Format.TABLE:
        rows = [[*row[:-1], UNPRICED if row[-1] is None else row[-1]] for row in rows]
    write_rows(named, rows, form, total=total)


def _dimensions(text: str) -> list[SpendBy]:
    from spanledger_store.spend import SpendBy

    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    known = {each.value: each for each in SpendBy}
    unknown = [name for name in names if name not in known]
    if unknown or not names or len(set(names)) < len(names):
        problem = f"--by {text!r} names {unknown[0]!r}" if unknown else f"--by {text!r} is empty or repeats itself"
        raise Usage(f"{problem}. Choose from: {', '.join(known)}.")
    return [known[name] for name in names]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Usage(
            f"--tz {name!r} is no time zone; use a name such as UTC, Europe/Berlin or America/New_York."
        ) from error


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _moment(text: str, zone: ZoneInfo, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Usage(f"{option} {text!r} is no time; use 2026-01-31 or 2026-01-31T08:00.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _fraction(moment: datetime) -> bool:
    offset = moment.utcoffset()
    return offset is not None and bool(offset % timedelta(hours=1))


def _total(columns: list[Column], rows: list[list[Any]], dimensions: int) -> list[str]:
    sums: list[str] = ["total", *[""] * (dimensions - 1)]
    for at in range(dimensions, len(columns) - 1):
        sums.append(str(sum(int(row[at]) for row in rows)))
    cost = Decimal(0)
    for row in rows:
        cost = _EXACT.add(cost, Decimal(row[-1] or 0))
    return [*sums, f"{cost:f}"]
