"""The views of `spanledger prices`: what holds, what held, what is paid beside the calls, which price made what."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated

import typer

from spanledger_cli import price_calls, price_files, price_steps
from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, busy, write_rows
from spanledger_cli.price_steps import HISTORY, LISTED, NameArgument
from spanledger_cli.reprice import moment

_LINES: list[Column] = [
    ("entry", "String"), ("kind", "String"), ("start", "String"), ("end", "String"), ("agreed", "Decimal"),
    ("used", "Decimal"), ("unused", "Decimal"), ("beyond", "Decimal"), ("open", "String"),
]  # fmt: skip
_SOURCES: list[Column] = [
    ("provider", "String"), ("model", "String"), ("price_source", "String"), ("calls", "UInt64"),
    ("cost_usd", "Decimal"),
]  # fmt: skip

FromOption = Annotated[str, typer.Option("--from", metavar="TIME", help="Date or ISO time.")]
ToOption = Annotated[str, typer.Option("--to", metavar="TIME", help="Date or ISO time, not included.")]


def list_(project: ProjectOption = "default", form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """List the own prices in force, with those that are yet to begin.

    Example: spanledger prices list
    """
    price_steps.show(LISTED, price_calls.listing(store_settings(data), project), form)


def show(
    name: NameArgument,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Show what of an entry is in force.

    Example: spanledger prices show house
    """
    found = price_calls.history(store_settings(data), project, name)
    price_steps.show(LISTED, [each for each in found if each["withdrawn_at"] is None], form)


def history(
    name: NameArgument,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Show every version that an entry ever had.

    Example: spanledger prices history house
    """
    price_steps.show(HISTORY, price_calls.history(store_settings(data), project, name), form)


def export(
    project: ProjectOption = "default",
    form: Annotated[Format, typer.Option("--format", help="json or csv.")] = Format.JSON,
    data: DataOption = None,
) -> None:
    """Print the prices in force, as `prices import` reads them.

    Example: spanledger prices export --format csv
    """
    found = price_calls.listing(store_settings(data), project)
    sys.stdout.write(price_files.as_csv(found) if form is Format.CSV else price_files.as_json(found))


def lines(
    start: FromOption,
    end: ToOption,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Show what is paid beside the calls: commitments by month, and GPUs by day, with what of them is in the ledger.

    Example: spanledger prices lines --from 2026-11-01 --to 2026-12-01
    """
    with busy("adding up"):
        found = price_calls.lines(store_settings(data), project, *_stretch(start, end))
    write_rows(_LINES, [[each[name] for name, _ in _LINES] for each in found], form)


def sources(
    start: FromOption,
    end: ToOption,
    customer: Annotated[str, typer.Option("--customer", help="Only calls of this customer.")] = "",
    model: Annotated[str, typer.Option("--model", help="Only calls of this model.")] = "",
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Show which price made what of the cost of stored calls.

    Example: spanledger prices sources --from 2026-11-01 --to 2026-12-01
    """
    first, last = _stretch(start, end)
    with busy("adding up"):
        found = price_calls.sources(store_settings(data), project, first, last, customer, model)
    write_rows(_SOURCES, [[each[name] for name, _ in _SOURCES] for each in found], form)


def _stretch(start: str, end: str) -> tuple[datetime, datetime]:
    first, last = moment(start, "--from"), moment(end, "--to")
    if not first < last:
        raise Usage(f"--from {first.isoformat()} is not before --to {last.isoformat()}. Swap them.")
    return first, last
