"""`spanledger spend`: the ledger on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import typer

from spanledger_cli import running
from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, busy, write_rows

if TYPE_CHECKING:
    from spanledger_store.settings import StoreSettings

UNPRICED = "unpriced"
_PATH = "/api/v1/spend"


def _only(what: str) -> Any:
    return typer.Option(metavar="VALUE", help=f"Only calls of this {what}; may be repeated.")


def spend(
    by: Annotated[
        str,
        typer.Option(
            "--by",
            help="Comma-separated: customer, feature, team, provider, model, prompt, environment, release, "
            "hour, day, month, year, center.",
        ),
    ] = "customer,model",
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Date or ISO time; else the current month's start.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Date or ISO time, not included; else now.")
    ] = None,
    zone: Annotated[str, typer.Option("--tz", metavar="ZONE", help="Zone of days, months, --from and --to.")] = "UTC",
    currency: Annotated[
        str, typer.Option("--currency", metavar="CODE", help="At the rates set with: spanledger currencies set.")
    ] = "USD",
    units: Annotated[
        bool, typer.Option("--units", help="Cost per call, session, active user and 1,000 tokens.")
    ] = False,
    waste: Annotated[
        bool, typer.Option("--waste", help="By what became of the calls: failed, blocked, abandoned, truncated.")
    ] = False,
    caching: Annotated[
        bool, typer.Option("--caching", help="What providers' caches saved, and writes that nobody read.")
    ] = False,
    customer: Annotated[list[str] | None, _only("customer")] = None,
    feature: Annotated[list[str] | None, _only("feature")] = None,
    team: Annotated[list[str] | None, _only("team")] = None,
    provider: Annotated[list[str] | None, _only("provider")] = None,
    model: Annotated[list[str] | None, _only("model")] = None,
    environment: Annotated[list[str] | None, _only("environment")] = None,
    release: Annotated[list[str] | None, _only("release")] = None,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Show spend from the ledger.

    Exact to the last digit, and every line there is; calls that have no price, or no owner, have their own lines.
    A group in which no call has a price costs `unpriced` (empty in CSV, null in JSON), never 0.
    --units, --waste and --caching read the calls themselves, for as long as they are kept.

    Example: spanledger spend --by month,customer --from 2026-01-01 --tz Europe/Berlin --currency EUR --format csv
    """
    chosen = [name for name, wanted in (("units", units), ("waste", waste), ("caching", caching)) if wanted]
    if len(chosen) > 1:
        raise Usage(f"--{chosen[0]} and --{chosen[1]} are different tables; ask for one after the other.")
    filters = {
        "customer": customer, "feature": feature, "team": team, "provider": provider, "model": model,
        "environment": environment, "release": release,
    }  # fmt: skip
    asked = {
        "by": by, "start": start, "end": end, "zone": zone, "currency": currency, "project": project,
        "filters": {name: values for name, values in filters.items() if values},
    }  # fmt: skip
    columns, rows, total = _answer(store_settings(data), asked, chosen[0] if chosen else "lines")
    if form is Format.TABLE:
        rows = [_readable(columns, row) for row in rows]
    write_rows(columns, rows, form, total=total)


def _answer(
    settings: StoreSettings, asked: dict[str, Any], what: str
) -> tuple[list[Column], list[list[Any]], list[str]]:
    from spanledger_store.finance.spend_request import SpendInvalid, request

    try:
        wanted = request(**asked)
    except SpendInvalid as error:
        raise Usage(str(error)) from error
    up = running.find(settings.data)
    with busy("adding up"):
        if up is not None:
            found = up.get(f"{_PATH}?{urlencode(_parameters(asked, what), doseq=True)}")
            return [(column["name"], column["type"]) for column in found["columns"]], found["rows"], found["total"]
        from spanledger_analytics.jobs import ledger
        from spanledger_cli.reader import opened
        from spanledger_store.finance.spend_views import View, view

        with opened(settings) as (engine, control):
            # Nobody else serves the marks here.
            ledger.run(engine, control)
            try:
                answer = view(engine, control, wanted, View(what))
            except SpendInvalid as error:
                raise Usage(str(error)) from error
        return list(answer.columns), [list(row) for row in answer.rows], list(answer.total)


def _parameters(asked: dict[str, Any], what: str) -> dict[str, Any]:
    named = {"from": asked["start"], "to": asked["end"], "tz": asked["zone"], "view": what}
    kept = {name: asked[name] for name in ("by", "currency", "project")} | named | asked["filters"]
    return {name: value for name, value in kept.items() if value is not None}


def _readable(columns: list[Column], row: list[Any]) -> list[Any]:
    """The row for people: in words what a group without a price costs."""
    costs = [name.startswith("cost_") and not name.startswith("cost_per") for name, _ in columns]
    return [UNPRICED if is_cost and value is None else value for is_cost, value in zip(costs, row, strict=True)]
