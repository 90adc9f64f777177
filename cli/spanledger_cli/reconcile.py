"""`spanledger reconcile`: the ledger against the provider's bill."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from spanledger_cli import running
from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, busy, write_document, write_rows

UNEXPLAINED = 4
_COLUMNS: list[Column] = [
    ("period", "String"),
    ("provider", "String"),
    ("model", "String"),
    ("bill", "Decimal"),
    ("ledger", "Decimal"),
    ("difference", "Decimal"),
    ("explained", "String"),
    ("unexplained", "Decimal"),
    ("status", "String"),
]


class By(StrEnum):
    """The periods that are compared."""

    DAY = "day"
    MONTH = "month"


def reconcile(
    start: Annotated[str, typer.Option("--from", metavar="DATE", help="The first UTC day.")],
    end: Annotated[str, typer.Option("--to", metavar="DATE", help="The UTC day after the last.")],
    provider: Annotated[str, typer.Option("--provider", help="Only this one's bill.")] = "",
    by: Annotated[By, typer.Option("--by", help="The periods that are compared.")] = By.DAY,
    tolerance: Annotated[
        str, typer.Option("--tolerance", metavar="SHARE", help="Of the bill, such as 0.5% or 0.005.")
    ] = "0.5%",
    tolerance_usd: Annotated[
        str, typer.Option("--tolerance-usd", metavar="USD", help="An amount; the larger of both counts.")
    ] = "0.01",
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Set bills against the ledger, by period, provider and model: matched, explained, unexplained.

    Each explanation has an amount and its evidence (JSON has both); with what is unexplained they add up to the
    difference. Items without a model, taxes and credits have rows of their own.

    Exit codes: 0 all is matched or explained, 1 failed, 2 wrong request, 4 something is unexplained.

    Example: spanledger reconcile --from 2026-05-01 --to 2026-06-01 --provider openai --tolerance 0.5% --format json
    """
    share, amount = _share(tolerance), _number(tolerance_usd, "--tolerance-usd")
    first, last = day(start, "--from"), day(end, "--to")
    settings = store_settings(data)
    up = running.find(settings.data)
    with busy("comparing"):
        if up is not None:
            asked = {"from": first, "to": last, "provider": provider, "by": by.value, "tolerance": f"{share:f}",
                     "tolerance_usd": f"{amount:f}", "project": project}  # fmt: skip
            found: dict[str, Any] = up.get(f"/api/v1/reconciliation?{urlencode(asked)}")
        else:
            found = _here(settings, project, first, last, provider, by is By.MONTH, amount, share)
    if form is Format.JSON:
        write_document(found)
    else:
        total = found["total"]
        sums = ["total", "", "", total["bill"], total["ledger"], total["difference"], "", total["unexplained"], ""]
        write_rows(_COLUMNS, [_row(each) for each in found["rows"]], form, total=sums)
    if found["total"]["rows"]["unexplained"]:
        raise typer.Exit(UNEXPLAINED)


def day(text: str, option: str) -> date:
    """The day an option names. Raises Usage."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Usage(f"{option} {text!r} is no day; use one such as 2026-05-01.") from error


def _row(each: dict[str, Any]) -> list[Any]:
    explained = ", ".join(f"{term['why']} {term['amount']}" for term in each["terms"])
    named = {**each, "explained": explained, "model": each["model"] or "; ".join(each["items"])}
    return [named[name] for name, _ in _COLUMNS]


def _here(
    settings: Any, project: str, first: date, last: date, provider: str, by_month: bool, amount: Decimal, share: Decimal
) -> dict[str, Any]:
    from spanledger_analytics.jobs import ledger
    from spanledger_cli.reader import opened
    from spanledger_store.billing import reconciling
    from spanledger_store.billing.reconciliation_sides import Tolerance

    asked = reconciling.Question(project, first, last, provider, by_month, Tolerance(amount, share))
    with opened(settings) as (engine, control):
        # Nobody else serves the marks here.
        ledger.run(engine, control)
        return reconciling.read(engine, control, asked).as_json()


def _share(text: str) -> Decimal:
    percent = text.strip().endswith("%")
    found = _number(text.strip().removesuffix("%"), "--tolerance") / (100 if percent else 1)
    if found > 1:
        raise Usage(f"--tolerance {text!r} is more than the whole bill; use a share such as 0.5% or 0.005.")
    return found


def _number(text: str, option: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation as error:
        raise Usage(f"{option} {text!r} is no number; use one such as 0.5.") from error
    if not (found.is_finite() and found >= 0):
        raise Usage(f"{option} {text!r} cannot be: use 0 or more.")
    return found
