"""`spanledger why`: the reasons for a change of spend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import typer

from spanledger_cli import running
from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, busy, console, write_document, write_rows

if TYPE_CHECKING:
    from spanledger_store.settings import StoreSettings

_PATH = "/api/v1/why"
_TERMS: list[Column] = [("driver", "String"), ("term", "String"), ("amount", "Decimal"), ("share", "Float64")]
_CULPRITS: list[Column] = [
    ("slice", "String"),
    ("what", "String"),
    ("before", "Decimal"),
    ("after", "Decimal"),
    ("effect", "Decimal"),
    ("explained", "Float64"),
]
# Steps below this share of all that moved are one line on the terminal.
_SMALL = Decimal("0.005")


def _only(what: str) -> Any:
    return typer.Option(metavar="VALUE", help=f"Only calls of this {what}; may be repeated.")


def why(
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Date or ISO time in UTC; else a week before --to.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Date or ISO time, not included; else the last hour.")
    ] = None,
    against: Annotated[
        str,
        typer.Option(
            "--against",
            metavar="PERIOD",
            help="previous (the stretch before of equal length), week (the same hours a week earlier), or FROM..TO.",
        ),
    ] = "previous",
    customer: Annotated[list[str] | None, _only("customer")] = None,
    feature: Annotated[list[str] | None, _only("feature")] = None,
    team: Annotated[list[str] | None, _only("team")] = None,
    provider: Annotated[list[str] | None, _only("provider")] = None,
    model: Annotated[list[str] | None, _only("model")] = None,
    environment: Annotated[list[str] | None, _only("environment")] = None,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            help="Comma-separated dimensions to look in, outer first: customer, feature, team, provider, "
            "model, prompt_version, release, environment.",
        ),
    ] = "customer,feature,model",
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Say why spend changed between two periods.

    A sentence; terms (calls, mix, tokens per call, cache rate, prices, ...) that add up to the change to the last
    digit; and the few slices that explain it. JSON has everything, CSV the terms.

    Example: spanledger why --from 2026-03-09 --to 2026-03-16 --against week
    """  # fmt: skip
    last = _moment(end, "--to") if end else datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    first = _moment(start, "--from") if start else last - timedelta(days=7)
    if not first < last:
        raise Usage(f"--from {first.isoformat()} is not before --to {last.isoformat()}. Swap them, or leave one out.")
    filters = {
        "customer": customer, "feature": feature, "team": team, "provider": provider, "model": model,
        "environment": environment,
    }  # fmt: skip
    asked = {name: values for name, values in filters.items() if values}
    settings = store_settings(data)
    up = running.find(settings.data)
    with busy("comparing"):
        if up is not None:
            period = {"from": first.isoformat(), "to": last.isoformat(), "against": against, "by": by}
            found = up.get(f"{_PATH}?{urlencode({'project': project, **period, **asked}, doseq=True)}")
        else:
            found = _here(settings, project, first, last, against, asked, by)
    _write(found, form)


def _moment(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Usage(f"{option} {text!r} is no time; use 2026-01-31 or 2026-01-31T08:00.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _here(
    settings: StoreSettings,
    project: str,
    first: datetime,
    last: datetime,
    against: str,
    asked: dict[str, list[str]],
    by: str,
) -> dict[str, Any]:
    from spanledger_analytics import explaining
    from spanledger_analytics.jobs import ledger
    from spanledger_cli.reader import opened
    from spanledger_store.reports import comparing
    from spanledger_store.scope import Dimension, Scope

    try:
        scope = Scope(project, first, last, {Dimension(name): tuple(values) for name, values in asked.items()})
        other, dimensions = comparing.against(scope, against), comparing.dimensions(by)
        with opened(settings) as (engine, control):
            # Nobody else serves the marks here.
            ledger.run(engine, control)
            return explaining.answer(engine, scope, other, dimensions)
    except ValueError as error:
        raise Usage(str(error)) from error


def _write(found: dict[str, Any], form: Format) -> None:
    if form is Format.JSON:
        write_document(found)
    elif form is Format.CSV:
        rows = [[each["driver"], each["key"], each["amount"], each["share"]] for each in found["terms"]]
        write_rows(_TERMS, rows, form)
    else:
        _write_page(found)


def _write_page(found: dict[str, Any]) -> None:
    from spanledger_cli.bars import waterfall

    out = console()
    out.print(found["sentence"], markup=False, soft_wrap=True)
    moved = [(each["label"], Decimal(each["amount"])) for each in found["terms"]]
    whole = sum(abs(amount) for _, amount in moved)
    steps = [step for step in moved if abs(step[1]) > whole * _SMALL]
    rest = Decimal(found["change"]) - sum(amount for _, amount in steps)
    if rest:
        steps.append(("Everything else", rest))
    ends = [f"{found[name]['from'][:16]} to {found[name]['to'][:16]}" for name in ("against", "period")]
    out.print(waterfall((ends[0], Decimal(found["before"])), steps, (ends[1], Decimal(found["after"]))))
    if found["culprits"]:
        write_rows(_CULPRITS, [_readable(each) for each in found["culprits"]], Format.TABLE)


def _readable(each: dict[str, Any]) -> list[Any]:
    explained = "" if each["explained"] is None else f"{each['explained']:.0%}"
    since = "".join(f", since {name.replace('_', ' ')} {value}" for name, value in each["since"].items())
    sums = [f"{Decimal(each[name]['cost']):,.2f}" for name in ("before", "after")]
    return [each["subject"], f"{each['reason']}{since}", *sums, f"{Decimal(each['effect']):+,.2f}", explained]
