"""`spanledger import revenue` and `spanledger margin`: what customers paid, and what is left of it."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from spanledger_cli import running, work
from spanledger_cli.errors import CliError
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, busy, console, write_rows
from spanledger_cli.reconcile import day

_COLUMNS: list[Column] = [
    ("month", "String"),
    ("customer", "String"),
    ("revenue_usd", "Decimal"),
    ("spend_usd", "Decimal"),
    ("margin_usd", "Decimal"),
    ("margin_share", "Float64"),
    ("calls", "UInt64"),
    ("unpriced_calls", "UInt64"),
]


def revenue(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV or JSON, gzip as well.")],
    project: ProjectOption = "default",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and count, and store nothing.")] = False,
    data: DataOption = None,
) -> None:
    """Store what customers paid: columns customer, month, amount; currency where that is not USD.

    The same customer and month again replaces what was there; a column reference (an invoice's number) keeps several.

    Exit codes: 0 all is stored, 1 something was refused or failed, 2 wrong request, 3 the data directory is in use.

    Example: spanledger import revenue revenue.csv --dry-run
    """
    settings = store_settings(data)
    paths = [path.expanduser().absolute() for path in files]

    def here(engine: Any, control: Any, progress: work.Progress) -> Any:
        from spanledger_collector.bills import income

        return income.take(engine, control, project, paths, interface="command line", dry_run=dry_run)

    body = {"files": [str(path) for path in paths], "project": project, "dry_run": dry_run}
    made = work.done(settings, "/api/v1/import/revenue", body, here)
    for file, where, reason in made["refused"]:
        sys.stderr.write(f"refused: {file}, {where}: {reason}\n")
    for error in made["errors"]:
        sys.stderr.write(f"error: {error}\n")
    amounts = ", ".join(f"{amount} {name}" for name, amount in made["amounts"].items()) or "nothing"
    console().print(
        f"{made['payments']} payments of {made['customers']} customers in {len(made['months'])} months: {amounts}",
        markup=False,
    )
    if made["refused"] or made["errors"]:
        raise typer.Exit(CliError.code)


def margin(
    start: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day of a month; else the current one.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="First day of the month after the last.")
    ] = None,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Show revenue less spend by customer and month, in US dollars.

    Margin is empty where no revenue is known, and where calls have no price and nothing else was spent.

    Example: spanledger margin --from 2026-05-01 --to 2026-06-01
    """
    first = day(start, "--from") if start else datetime.now(UTC).date().replace(day=1)
    last = day(end, "--to") if end else (first + timedelta(days=32)).replace(day=1)
    settings = store_settings(data)
    up = running.find(settings.data)
    with busy("adding up"):
        if up is not None:
            asked = urlencode({"from": first, "to": last, "project": project})
            found = up.get(f"/api/v1/margin?{asked}")["margins"]
        else:
            found = _here(settings, project, first, last)
    rows = [[each[name] for name, _ in _COLUMNS] for each in found]
    if form is Format.TABLE:
        rows = [_readable(row) for row in rows]
    write_rows(_COLUMNS, rows, form)


def _here(settings: Any, project: str, first: date, last: date) -> list[dict[str, Any]]:
    from spanledger_analytics.jobs import ledger
    from spanledger_cli.reader import opened
    from spanledger_store.finance.revenue import margins

    with opened(settings) as (engine, control):
        # Nobody else serves the marks here.
        ledger.run(engine, control)
        return [each.as_json() for each in margins(engine, control, project, first, last)]


def _readable(row: list[Any]) -> list[Any]:
    """The row for people: shares in per cent, and in words what is unknown."""
    named = dict(zip((name for name, _ in _COLUMNS), row, strict=True))
    share = named["margin_share"]
    named["margin_share"] = "" if share is None else f"{share:.1%}"
    named["spend_usd"] = "unpriced" if named["spend_usd"] is None else named["spend_usd"]
    named["customer"] = named["customer"] or "(unattributed)"
    return list(named.values())
