"""`spanledger accounting`: what became of everything that was sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import typer

from spanledger_cli import running
from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, store_settings
from spanledger_cli.output import busy, write_rows
from spanledger_cli.reprice import moment

if TYPE_CHECKING:
    from spanledger_store.settings import StoreSettings

NUMBERS = ("received", "refused", "repeated", "acknowledged", "waiting", "stored", "quarantined", "missing", "absent",
           "unpriced", "truncated", "exported", "dropped")  # fmt: skip


class By(StrEnum):
    """What one line is about."""

    KEY = "key"
    HOUR = "hour"


def accounting(
    by: Annotated[By, typer.Option("--by", help="One line per key, or per key and hour of receipt.")] = By.KEY,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Date or ISO time, UTC; else a day ago.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Date or ISO time, UTC; else now.")] = None,
    project: Annotated[str | None, typer.Option("--project", help="One project; else all.")] = None,
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Show what became of everything that was sent.

    acknowledged = waiting in a spool + stored + quarantined, exactly; else `missing` is not 0 and the exit code is 1.
    `exported` and `dropped` are what SDKs say of themselves. Empty is unknown.

    Example: spanledger accounting --by hour --from 2026-01-31 --format csv
    """
    last = moment(end, "--to") if end else datetime.now(UTC)
    first = moment(start, "--from") if start else last - timedelta(days=1)
    if not first < last:
        raise Usage(f"--from {first.isoformat()} is not before --to {last.isoformat()}. Swap them, or leave one out.")
    with busy("adding up"):
        found = _accounts(store_settings(data), first, last, project)
    names = ("project", "key", "signal") if by is By.KEY else ("project", "key", "signal", "hour")
    sums: dict[tuple[str, ...], list[int | None]] = {}
    for each in found:
        at = tuple(str(each[name]) for name in names)
        here = sums.setdefault(at, [None] * len(NUMBERS))
        for i, name in enumerate(NUMBERS):
            if each[name] is not None:
                here[i] = (here[i] or 0) + each[name]
    rows: list[list[Any]] = [[*at, *numbers] for at, numbers in sums.items()]
    columns = [*((name, "String") for name in names), *((name, "Nullable(Int64)") for name in NUMBERS)]
    if form is Format.TABLE:
        rows = [["" if value is None else value for value in row] for row in rows]
    write_rows(columns, rows, form)
    if any(each["missing"] for each in found):
        raise typer.Exit(1)


def _accounts(settings: StoreSettings, first: datetime, last: datetime, project: str | None) -> list[dict[str, Any]]:
    up = running.find(settings.data)
    if up is not None:
        asked = {"start": first.isoformat(), "end": last.isoformat(), **({"project": project} if project else {})}
        return up.get(f"/api/v1/accounting?{urlencode(asked)}")["accounts"]
    from spanledger_cli.reader import opened
    from spanledger_store.reports import accounting

    with opened(settings) as (engine, control):
        return [each.as_dict() for each in accounting.entries(engine, control, first, last, project)]
