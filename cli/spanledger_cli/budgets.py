"""`spanledger budgets`: what slices may spend, and how they stand."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from spanledger_cli import running
from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, busy, console, write_rows
from spanledger_cli.reader import of_control

if TYPE_CHECKING:
    from spanledger_store.control import Control
    from spanledger_store.control.budgets import Budget
    from spanledger_store.settings import StoreSettings

app = typer.Typer(no_args_is_help=True, help="What slices may spend, and how they stand.")

USED_UP = 4
_PATH = "/api/v1/budgets"
_KEPT: list[Column] = [
    ("name", "String"),
    ("amount", "Decimal"),
    ("period", "String"),
    ("zone", "String"),
    ("slice", "String"),
    ("per", "String"),
    ("carry_over", "String"),
    ("enforcement", "String"),
    ("owner", "String"),
    ("notify", "String"),
    ("thresholds", "String"),
]
_STATE: list[Column] = [
    ("budget", "String"),
    ("value", "String"),
    ("spent", "Decimal"),
    ("limit", "Decimal"),
    ("share", "Float64"),
    ("projected", "Decimal"),
    ("status", "String"),
    ("enforcement", "String"),
    ("blocked_calls", "UInt64"),
    ("saved", "Decimal"),
    ("unpriced_calls", "UInt64"),
    ("resets_at", "String"),
    ("owner", "String"),
]


class Every(StrEnum):
    """The calendar's periods."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Per(StrEnum):
    """Dimensions of which each value may have a budget by itself."""

    CUSTOMER = "customer"
    FEATURE = "feature"
    TEAM = "team"
    PROVIDER = "provider"
    MODEL = "model"
    ENVIRONMENT = "environment"


def _only(what: str) -> Any:
    return typer.Option(metavar="VALUE", help=f"Only calls of this {what}.")


NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The budget's name, unique in its project.")]


@app.command(name="list")
def list_(project: ProjectOption = "default", form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """List a project's budgets as they have been set.

    Example: spanledger budgets list
    """

    def here(control: Control) -> Any:
        from spanledger_store.control import budgets

        return [each.as_json() for each in budgets.listing(control, project)]

    found = of_control(store_settings(data), lambda up: up.get(f"{_PATH}?project={quote(project)}")["budgets"], here)
    _write_kept(found, form)


@app.command(name="set")
def choose(
    name: NameArgument,
    amount: Annotated[str, typer.Option("--amount", metavar="USD", help="What may be spent in each period.")],
    period: Annotated[Every, typer.Option("--period", help="Of the calendar; weeks begin on Monday.")] = Every.MONTH,
    zone: Annotated[str, typer.Option("--tz", metavar="ZONE", help="Time zone of the calendar.")] = "UTC",
    customer: Annotated[str, _only("customer")] = "",
    feature: Annotated[str, _only("feature")] = "",
    team: Annotated[str, _only("team")] = "",
    provider: Annotated[str, _only("provider")] = "",
    model: Annotated[str, _only("model")] = "",
    environment: Annotated[str, _only("environment")] = "",
    per: Annotated[Per | None, typer.Option("--per", help="Each value of this has the budget by itself.")] = None,
    owner: Annotated[str, typer.Option("--owner", help="Who answers for it.")] = "",
    carry_over: Annotated[
        bool, typer.Option("--carry-over", help="Add what the last period left of the amount, once.")
    ] = False,
    block: Annotated[bool, typer.Option("--block", help="SDKs refuse calls once it is used up.")] = False,
    notify: Annotated[
        list[str] | None,
        typer.Option("--notify", metavar="CHANNEL", help="Who is told; may be repeated. Else the default channels."),
    ] = None,
    at: Annotated[
        str, typer.Option("--at", metavar="PERCENT,...", help="Shares of the limit at which to tell; none: never.")
    ] = "50,80,100",
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Set a budget, in place of the one of this name.

    Without any --customer, --feature, ... it is about every call of the project. Kept in the table audit.

    Example: spanledger budgets set "Acme, monthly" --amount 500 --customer acme --block --owner "Jo"
    """
    about = {"customer": customer, "feature": feature, "team": team, "provider": provider, "model": model,
             "environment": environment}  # fmt: skip
    body = {
        "project": project,
        "amount": str(_dollars(amount)),
        "period": period.value,
        "zone": zone,
        "slice": {dimension: value for dimension, value in about.items() if value},
        "per": per.value if per is not None else "",
        "owner": owner,
        "carry_over": carry_over,
        "enforcement": "block" if block else "observe",
        "notify": notify or [],
        "thresholds": _thresholds(at),
    }
    settings = store_settings(data)
    up = running.find(settings.data)
    budget = _budget(name, body)
    kept = up.put(_at(name), body) if up is not None else _put_here(settings, budget)
    _write_kept([kept], form)


@app.command()
def remove(name: NameArgument, project: ProjectOption = "default", data: DataOption = None) -> None:
    """Take a budget away. What it refused stays among the spans; kept in the table audit.

    Example: spanledger budgets remove "Acme, monthly"
    """
    settings = store_settings(data)
    up = running.find(settings.data)
    if up is not None:
        up.delete(f"{_at(name)}?project={quote(project)}")
    else:
        from spanledger_cli.reader import opened
        from spanledger_store.finance import budget_changes

        with opened(settings) as (engine, control):
            budget_changes.drop(engine, control, project, name, interface="command line")
    console().print(f"Removed the budget {name} of project {project}.", markup=False)


@app.command()
def state(project: ProjectOption = "default", form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """Show what budgets have spent in their period, where they will end, and what SDKs refused.

    Spend is the ledger's; `projected` goes on as in the last four weeks. `saved` is an estimate of what refused calls
    would have cost, empty where nothing is known.

    Exit codes: 0 all is well, 1 failed, 2 wrong request, 4 a budget that blocks is used up.

    Example: spanledger budgets state --format json
    """
    settings = store_settings(data)
    up = running.find(settings.data)
    with busy("adding up"):
        found = up.get(f"{_PATH}?project={quote(project)}")["states"] if up is not None else _here(settings, project)
    rows = [[each[name] for name, _ in _STATE] for each in found]
    if form is Format.TABLE:
        rows = [_readable(row) for row in rows]
    write_rows(_STATE, rows, form)
    if any(each["used_up"] and each["enforcement"] == "block" for each in found):
        raise typer.Exit(USED_UP)


def _dollars(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise Usage(f"--amount {text!r} is no sum of US dollars; use a number such as 500 or 0.25.") from error


def _thresholds(text: str) -> list[int]:
    if text == "none":
        return []
    try:
        return sorted({int(each.strip().removesuffix("%")) for each in text.split(",")})
    except ValueError as error:
        raise Usage(f"--at {text!r} are no shares; use whole per cents such as 50,80,100, or none.") from error


def _at(name: str) -> str:
    return f"{_PATH}/{quote(name, safe='')}"


def _put_here(settings: StoreSettings, budget: Budget) -> dict[str, Any]:
    from spanledger_cli.reader import opened
    from spanledger_store.finance import budget_changes

    with opened(settings) as (engine, control):
        return budget_changes.choose(engine, control, budget, interface="command line").as_json()


def _budget(name: str, body: dict[str, Any]) -> Budget:
    from spanledger_store.control.budgets import Budget, Enforcement
    from spanledger_store.control.errors import BudgetInvalid
    from spanledger_store.periods import Period

    values: dict[str, Any] = {
        **body,
        "amount": Decimal(body["amount"]),
        "period": Period(body["period"]),
        "enforcement": Enforcement(body["enforcement"]),
        "notify": tuple(body["notify"]),
        "thresholds": tuple(body["thresholds"]),
    }
    try:
        return Budget(name=name, **values)
    except BudgetInvalid as error:
        raise Usage(str(error)) from error


def _here(settings: StoreSettings, project: str) -> list[dict[str, Any]]:
    from datetime import UTC, datetime

    from spanledger_analytics.jobs import ledger
    from spanledger_cli.reader import opened
    from spanledger_store.control import budgets
    from spanledger_store.finance.budget_report import report

    with opened(settings) as (engine, control):
        # Nobody else serves the marks here.
        ledger.run(engine, control)
        kept = budgets.listing(control, project)
        return [each.as_json() for each in report(engine, control, kept, datetime.now(UTC))]


def _readable(row: list[Any]) -> list[Any]:
    """The row for people: shares in per cent, times to the minute, and in words what is unknown."""
    named = dict(zip((name for name, _ in _STATE), row, strict=True))
    share = named["share"]
    named["share"] = "" if share is None else f"{share:.1%}"
    named["spent"] = "unpriced" if named["spent"] is None else named["spent"]
    named["resets_at"] = f"{named['resets_at'][:16]}Z"
    return list(named.values())


def _write_kept(kept: list[dict[str, Any]], form: Format) -> None:
    rows: list[list[Any]] = []
    for each in kept:
        row = [each[name] for name, _ in _KEPT]
        if form is not Format.JSON:
            row[4] = ", ".join(f"{name}={value}" for name, value in each["slice"].items()) or "everything"
            row[6] = "yes" if each["carry_over"] else "no"
            row[9] = ", ".join(each["notify"])
            row[10] = ", ".join(f"{share} %" for share in each["thresholds"]) or "none"
        rows.append(row)
    write_rows(_KEPT, rows, form)
