"""`spanledger doctor`: is this installation well?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from spanledger_cli.options import DataOption, Format, FormatOption, store_settings
from spanledger_cli.output import busy, console, write_rows

if TYPE_CHECKING:
    from spanledger_store.health import Check
    from spanledger_store.settings import StoreSettings

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """Check everything, and say what to do.

    Compares, among others, the ledger with the sum of all spans, exactly. Exit code 1 when a check fails.

    Example: spanledger doctor --format json
    """
    settings = store_settings(data)
    with busy("examining"):
        found = _examined(settings)
    _show(found, form)
    if any(each["state"] == "fail" for each in found):
        raise typer.Exit(1)


def _examined(settings: StoreSettings) -> list[dict[str, Any]]:
    from dataclasses import asdict

    from spanledger_cli import running

    up = running.find(settings.data)
    if up is not None:
        here = {"name": "process", "state": "ok", "detail": f"up, process {up.pid}, at {up.url}", "remedy": ""}
        return [here, *up.get("/api/v1/doctor")["checks"]]
    return [asdict(check) for check in _offline(settings)]


def _show(found: list[dict[str, Any]], form: Format) -> None:
    names = ("name", "state", "detail", "remedy")
    if form is not Format.TABLE:
        write_rows([(name, "String") for name in names], [[each[name] for name in names] for each in found], form)
        return
    from rich.markup import escape

    out = console()
    for each in found:
        colour = _COLOURS[each["state"]]
        out.print(f"[{colour}]{each['state']:<4}[/{colour}]  [bold]{each['name']}[/bold]: {escape(each['detail'])}")
        if each["state"] != "ok":
            out.print(f"      {escape(each['remedy'])}")


def _offline(settings: StoreSettings) -> list[Check]:
    """The checks of a directory that no `up` serves."""
    from spanledger_store import health
    from spanledger_store.control import Control
    from spanledger_store.engine import Engine
    from spanledger_store.errors import StoreError
    from spanledger_store.health import Check

    process = Check("process", "ok", f"no `spanledger up` serves {settings.data}")
    if settings.embedded and not (settings.data / "engine").exists():
        detail = f"no data in {settings.data} yet"
        remedy = "Start `spanledger up` or `spanledger demo`, or name another directory with --data."
        empty = Check("data directory", "warn", detail, remedy)
        return [process, empty, health.disk_check(settings.data.parent), health.packages_check()]
    try:
        with Engine(settings) as engine, Control.open(settings) as control:
            return [process, *health.checks(engine, control, settings.data / "spool.db", running=False)]
    except StoreError as error:
        remedy = "Nothing else can be checked before the store opens."
        return [process, Check("engine", "fail", str(error), remedy), health.disk_check(settings.data)]
