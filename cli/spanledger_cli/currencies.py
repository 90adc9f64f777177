"""`spanledger currencies`: what a US dollar is worth in other currencies, from day to day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, store_settings
from spanledger_cli.output import Column, console, write_rows
from spanledger_cli.reader import of_control

if TYPE_CHECKING:
    from spanledger_store.control import Control
    from spanledger_store.control.currencies import Rate
    from spanledger_store.settings import StoreSettings

app = typer.Typer(no_args_is_help=True, help="What a US dollar is worth in other currencies.")

_PATH = "/api/v1/currencies"
_COLUMNS: list[Column] = [("currency", "String"), ("from", "String"), ("rate", "Decimal")]

CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="Three letters, such as EUR.")]


@app.command(name="list")
def list_(form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """List the rates that have been set. Each holds from its UTC day until the currency's next one.

    Example: spanledger currencies list
    """

    def here(control: Control) -> Any:
        from spanledger_store.control import currencies

        return [each.as_json() for each in currencies.listing(control)]

    found = of_control(store_settings(data), lambda up: up.get(_PATH)["rates"], here)
    write_rows(_COLUMNS, [[each[name] for name, _ in _COLUMNS] for each in found], form)


@app.command(name="set")
def choose(
    code: CodeArgument,
    rate: Annotated[str, typer.Option("--rate", metavar="RATE", help="How many of it a US dollar is.")],
    day: Annotated[str, typer.Option("--from", metavar="DATE", help="The UTC day from which it holds.")],
    data: DataOption = None,
) -> None:
    """Set a rate from a day on, until the currency's next rate.

    Example: spanledger currencies set EUR --rate 0.92 --from 2026-01-01
    """
    from spanledger_store.control.currencies import Rate
    from spanledger_store.control.errors import CurrencyInvalid

    try:
        wanted = Rate(code.upper(), day_of(day, "--from"), _number(rate))
    except CurrencyInvalid as error:
        raise Usage(str(error)) from error
    _put(store_settings(data), [wanted])
    console().print(f"From {day} on a US dollar is {rate} {code.upper()}.", markup=False)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with the columns currency, from and rate.")],
    data: DataOption = None,
) -> None:
    """Set the rates of a CSV file, all of them or none.

    Example: spanledger currencies import rates.csv
    """
    from spanledger_store.control import currencies
    from spanledger_store.control.errors import CurrencyInvalid

    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            wanted = currencies.read_csv(lines)
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{file} cannot be read: {error}.") from error
    except CurrencyInvalid as error:
        raise Usage(f"{file}: {error}") from error
    _put(store_settings(data), wanted)
    console().print(f"Set {len(wanted)} rate(s).", markup=False)


@app.command()
def remove(
    code: CodeArgument,
    day: Annotated[str | None, typer.Option("--from", metavar="DATE", help="Only the rate of this day.")] = None,
    data: DataOption = None,
) -> None:
    """Take a rate away, or all of a currency.

    Example: spanledger currencies remove EUR --from 2026-01-01
    """

    def here(control: Control) -> Any:
        from spanledger_store.control import currencies

        return currencies.remove(control, code.upper(), wanted)

    wanted = None if day is None else day_of(day, "--from")
    query = "" if wanted is None else f"?from={wanted.isoformat()}"
    path = f"{_PATH}/{code.upper()}{query}"
    count = len(of_control(store_settings(data), lambda up: up.delete(path)["removed"], here))
    console().print(f"Removed {count} rate(s) of {code.upper()}.", markup=False)


def _put(settings: StoreSettings, wanted: list[Rate]) -> None:
    def here(control: Control) -> Any:
        from spanledger_store.control import currencies

        return currencies.put(control, wanted)

    of_control(settings, lambda up: up.put(_PATH, {"rates": [each.as_json() for each in wanted]}), here)


def day_of(text: str, option: str) -> date:
    """The day that an option names. Raises Usage."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Usage(f"{option} {text!r} is no day; use one such as 2026-01-31.") from error


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise Usage(f"--rate {text!r} is no number; use one such as 0.92.") from error
