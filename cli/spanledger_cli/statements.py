"""`spanledger statement` and `spanledger statements`: what a customer used in a month, and sending it."""

from __future__ import annotations

import json
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlencode

import typer

from spanledger_cli import running, work
from spanledger_cli.errors import CliError
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, busy, console, write_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_store.control.statements import Order
    from spanledger_store.settings import StoreSettings

app = typer.Typer(no_args_is_help=True, help="Monthly statements: sent ones, and orders to send.")

_PATH = "/api/v1/statements"
_SENT: list[Column] = [
    ("month", "String"),
    ("customer", "String"),
    ("total_usd", "Decimal"),
    ("due_usd", "Decimal"),
    ("sent_at", "String"),
    ("zone", "String"),
]
_ORDERS: list[Column] = [
    ("id", "String"),
    ("channel", "String"),
    ("day", "UInt64"),
    ("customers", "String"),
    ("zone", "String"),
    ("done_through", "String"),
]
_PAUSE = 0.2

MonthOption = Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="The month.")]
ZoneOption = Annotated[str, typer.Option("--tz", metavar="ZONE", help="Time zone of the calendar.")]
ChannelOption = Annotated[str, typer.Option("--channel", metavar="NAME", help="The channel that gets them.")]
CustomersOption = Annotated[
    list[str] | None, typer.Option("--customer", metavar="NAME", help="Only of this one; may be repeated. Else of all.")
]


class Shape(StrEnum):
    """How a statement is written."""

    HTML = "html"
    CSV = "csv"
    JSON = "json"


def statement(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Whose statement.")],
    month: MonthOption,
    form: Annotated[Shape, typer.Option("--format", help="A page to print, a table, or everything.")] = Shape.HTML,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Else standard output.")] = None,
    zone: ZoneOption = "UTC",
    sent: Annotated[bool, typer.Option("--as-sent", help="As it was sent, not as the ledger has it now.")] = False,
    project: ProjectOption = "default",
    data: DataOption = None,
) -> None:
    """Write what a customer used in a month: by model, feature, day and class of tokens, with adjustments.

    Amounts are the ledger's. HTML is for people and paper: print it, or save it as PDF.

    Example: spanledger statement Acme --month 2026-10 --out acme-2026-10.html
    """
    from spanledger_store.finance.statement_page import page, table

    with busy("adding up"):
        document = _document(store_settings(data), project, customer, month, zone, sent=sent)
    texts = {
        Shape.HTML: lambda: page(document),
        Shape.CSV: lambda: table(document),
        Shape.JSON: lambda: json.dumps(document, ensure_ascii=False, indent=1) + "\n",
    }
    text = texts[form]()
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError(f"--out {out} cannot be written: {error.strerror}.") from error
    due = "unpriced" if document["due_usd"] is None else f"{document['due_usd']} USD"
    console().print(f"{out}: {document['customer']}, {document['month']}, {due}", markup=False)


@app.command(name="list")
def list_(project: ProjectOption = "default", form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """List the statements that were sent.

    Example: spanledger statements list
    """
    _write(_SENT, _asked(store_settings(data), project)["sent"], form)


@app.command()
def orders(project: ProjectOption = "default", form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """List the orders by which statements are sent.

    Example: spanledger statements orders
    """
    _write(_ORDERS, _asked(store_settings(data), project)["orders"], form)


@app.command()
def send(
    month: MonthOption,
    channel: ChannelOption,
    customers: CustomersOption = None,
    zone: ZoneOption = "UTC",
    project: ProjectOption = "default",
    data: DataOption = None,
) -> None:
    """Send the statements of a month that has ended, once; what they say is kept.

    A statement that was sent stays as it is, and another channel gets the same.

    Example: spanledger statements send --month 2026-10 --channel finance --customer Acme
    """
    settings = store_settings(data)
    body = _body(project, channel, zone, customers, month=month)
    up = running.find(settings.data)
    with work.bar() as progress:
        if up is not None:
            given = up.post(f"{_PATH}/orders", body)
            _followed(up, project, given["id"], progress)
        else:
            _sent_here(settings, body, progress)
    of = [each for each in _asked(settings, project)["sent"] if each["month"] == month]
    chosen = [each for each in of if not customers or each["customer"] in customers]
    console().print(f"{len(chosen)} statement(s) of {month} for channel {channel}.", markup=False)


@app.command()
def schedule(
    day: Annotated[int, typer.Option("--day", min=1, max=28, help="Day on which those of the last month are sent.")],
    channel: ChannelOption,
    customers: CustomersOption = None,
    zone: ZoneOption = "UTC",
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Have statements sent every month, on this day at midnight. Days that nothing ran on are made up for.

    Example: spanledger statements schedule --day 3 --channel finance
    """
    settings = store_settings(data)
    body = _body(project, channel, zone, customers, day=day)
    up = running.find(settings.data)
    _write(_ORDERS, [up.post(f"{_PATH}/orders", body) if up is not None else _ordered_here(settings, body)], form)


@app.command()
def unschedule(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The order, as `spanledger statements orders` has it.")],
    project: ProjectOption = "default",
    data: DataOption = None,
) -> None:
    """Take an order away. What was sent stays.

    Example: spanledger statements unschedule 3f2a9c0d1b4e5f60
    """
    settings = store_settings(data)
    up = running.find(settings.data)
    if up is not None:
        up.delete(f"{_PATH}/orders/{quote(identity, safe='')}?project={quote(project)}")
    else:
        from spanledger_store.control import Control
        from spanledger_store.control import statements as kept

        with Control.open(settings) as control:
            kept.cancel(control, project, identity)
    console().print(f"Removed the order {identity}.", markup=False)


def _body(
    project: str, channel: str, zone: str, customers: list[str] | None, *, day: int = 0, month: str = ""
) -> dict[str, Any]:
    return {"project": project, "channel": channel, "zone": zone, "customers": customers or [], "day": day,
            "month": month}  # fmt: skip


def _document(
    settings: StoreSettings, project: str, customer: str, month: str, zone: str, *, sent: bool
) -> Mapping[str, Any]:
    up = running.find(settings.data)
    if up is not None:
        asked = {"project": project, "customer": customer, "month": month, "tz": zone, "as_sent": str(sent).lower()}
        return up.get(f"/api/v1/statement?{urlencode(asked)}")
    from spanledger_analytics.jobs import ledger
    from spanledger_cli.reader import opened
    from spanledger_store.finance import statements

    with opened(settings) as (engine, control):
        if sent:
            return statements.as_sent(control, project, customer, month).document
        # Nobody else serves the marks here.
        ledger.run(engine, control)
        return next(statements.build(engine, control, project, month, customers=[customer], zone=zone)).as_json()


def _asked(settings: StoreSettings, project: str) -> dict[str, Any]:
    up = running.find(settings.data)
    if up is not None:
        return up.get(f"{_PATH}?project={quote(project)}")
    from spanledger_store.control import Control
    from spanledger_store.control import statements as kept

    with Control.open(settings) as control:
        return {
            "sent": [each.as_json() for each in kept.sent(control, project)],
            "orders": [each.as_json() for each in kept.orders(control, project)],
        }


def _order(body: dict[str, Any]) -> Order:
    from spanledger_store.control.statements import Order

    values: dict[str, Any] = {**body, "customers": tuple(body["customers"])}
    return Order(**values)


def _ordered_here(settings: StoreSettings, body: dict[str, Any]) -> dict[str, Any]:
    from spanledger_store.control import Control
    from spanledger_store.control import statements as kept

    with Control.open(settings) as control:
        return kept.order(control, _order(body)).as_json()


def _sent_here(settings: StoreSettings, body: dict[str, Any], progress: work.Progress) -> None:
    from spanledger_analytics.jobs import ledger, notices, statements
    from spanledger_cli.reader import opened
    from spanledger_store.control import statements as kept

    with opened(settings) as (engine, control):
        ledger.run(engine, control)
        kept.order(control, _order(body))
        statements.run(engine, control, progress)
        notices.run(engine, control)


def _followed(up: running.Running, project: str, identity: str, progress: work.Progress) -> None:
    """Wait until the job has followed an order. Raises CliError with what it fails of."""
    while any(each["id"] == identity for each in up.get(f"{_PATH}?project={quote(project)}")["orders"]):
        job = next(each for each in up.get("/api/v1/jobs") if each["name"] == "statements")
        if job["failures"] and not job["is_asked_for"] and not job["is_running"]:
            raise CliError(f"statements: {job['error']}")
        progress(job["doing"] or "waiting", job["done"], job["total"])
        time.sleep(_PAUSE)


def _write(columns: list[Column], found: list[dict[str, Any]], form: Format) -> None:
    rows = [[each[name] for name, _ in columns] for each in found]
    if form is not Format.JSON and columns is _ORDERS:
        for row in rows:
            row[3] = ", ".join(row[3]) or "all"
    write_rows(columns, rows, form)
