"""`spanledger reprice`: stored calls at your own and the current price list's prices."""

from __future__ import annotations

import sys
from collections.abc import Generator
from datetime import datetime, timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spanledger_cli import running
from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import busy, write_rows
from spanledger_store import moments
from spanledger_store.moments import MomentInvalid

if TYPE_CHECKING:
    from spanledger_store.settings import StoreSettings

_EXACT = Context(prec=60)
_COLUMNS = [
    ("provider", "String"),
    ("model", "String"),
    ("calls", "UInt64"),
    ("changed", "UInt64"),
    ("newly_priced", "UInt64"),
    ("unpriced", "UInt64"),
    ("old_cost", "Decimal"),
    ("new_cost", "Decimal"),
]


def reprice(
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="Date or ISO time, in UTC without a zone.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Date or ISO time, not included.")],
    project: ProjectOption = "default",
    customer: Annotated[str, typer.Option("--customer", help="Only calls of this customer.")] = "",
    model: Annotated[str, typer.Option("--model", help="Only calls of this model.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Give stored calls your own prices and those of the installed price list, and correct the ledger.

    Each call gets the price that was valid when it began. Calls that neither knows keep what they have, unless that was
    an own price that has been removed; client_cost_usd is never touched. Days of GPUs are spread over their calls.
    Running it again changes nothing. Kept in the table audit.

    Example: spanledger reprice --from 2026-01-01 --to 2026-02-01 --dry-run
    """
    first, last = moment(start, "--from"), moment(end, "--to")
    if not first < last:
        raise Usage(f"--from {first.isoformat()} is not before --to {last.isoformat()}. Swap them.")
    body = {"project": project, "customer": customer, "model": model, "dry_run": dry_run}
    run(store_settings(data), first, last, body, form)


def run(settings: StoreSettings, first: datetime, last: datetime, body: dict[str, Any], form: Format) -> None:
    """Reprice what the body names of [first, last), and print a line per model."""
    with busy("pricing"):
        answers = list(_asked(settings, first, last, body))
    found = _together([each for answer in answers for each in answer["models"]])
    if expired := sum(answer["expired_calls"] for answer in answers):
        sys.stderr.write(f"note: {expired} call(s) keep the prices they had: their spans have expired.\n")
    rows = [[each[name] for name, _ in _COLUMNS] for each in found]
    sums = [str(sum(int(row[at]) for row in rows)) for at in range(2, 6)]
    costs = [f"{_sum(Decimal(row[at]) for row in rows):f}" for at in (6, 7)]
    write_rows(_COLUMNS, rows, form, total=["total", "", *sums, *costs])


def _asked(settings: StoreSettings, first: datetime, last: datetime, body: dict[str, Any]) -> Generator[dict[str, Any]]:
    up = running.find(settings.data)
    if up is not None:
        # Day by day: a request must end before its caller stops waiting for it.
        for start, end in days(first, last):
            yield up.post("/api/v1/reprice", {**body, "start": start.isoformat(), "end": end.isoformat()})
        return
    # The engine is a large library: loaded only where it is opened.
    from spanledger_analytics.jobs import ledger
    from spanledger_cli.reader import opened
    from spanledger_store.pricing import repricing

    with opened(settings) as (engine, control):
        period = repricing.Period(first, last, body["project"], body["customer"], body["model"])
        found = repricing.reprice(engine, control, period, interface="command line", dry_run=body["dry_run"])
        # Nobody else serves the marks here.
        ledger.run(engine, control)
        yield {"models": repricing.as_json(found), "expired_calls": repricing.expired_calls(engine, period)}


def days(first: datetime, last: datetime) -> Generator[tuple[datetime, datetime]]:
    """[first, last) in pieces of a day at most."""
    while first < last:
        following = min(last, first + timedelta(days=1))
        yield first, following
        first = following


def _together(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per model, by name."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for part in parts:
        key = (part["provider"], part["model"])
        held = found.get(key)
        if held is None:
            found[key] = dict(part)
            continue
        for name, kind in _COLUMNS[2:]:
            held[name] = (
                f"{_sum([Decimal(held[name]), Decimal(part[name])]):f}"
                if kind == "Decimal"
                else held[name] + part[name]
            )
    return [found[key] for key in sorted(found)]


def _sum(amounts: Any) -> Decimal:
    total = Decimal(0)
    for each in amounts:
        total = _EXACT.add(total, each)
    return total


def moment(text: str, option: str) -> datetime:
    """The time an option names, in UTC where it has no zone. Raises Usage."""
    try:
        return moments.read(text, option)
    except MomentInvalid as error:
        raise Usage(str(error)) from error
