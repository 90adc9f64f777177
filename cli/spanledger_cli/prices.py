"""`spanledger prices`: your own prices above the price list, what they would change, and what they made."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from spanledger_cli import price_calls, price_files, price_steps, price_views
from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.price_steps import ALWAYS, HISTORY, NameArgument
from spanledger_cli.reprice import moment

app = typer.Typer(no_args_is_help=True, help="Your own prices, above the price list.")
app.command(name="list")(price_views.list_)
for view in (price_views.show, price_views.history, price_views.export, price_views.lines, price_views.sources):
    app.command()(view)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="JSON or CSV, as `prices export` writes them.")]
ModelOption = Annotated[str, typer.Option("--model", metavar="MODEL", help="As the ledger names it, or gpt-4o*.")]
ProviderOption = Annotated[str, typer.Option("--provider", help="Only calls of this provider.")]
CustomerOption = Annotated[str, typer.Option("--customer", help="Only calls of this customer.")]
FeatureOption = Annotated[str, typer.Option("--feature", help="Only calls of this feature.")]
ClassOption = Annotated[str, typer.Option("--class", help="Only standard, batch, flex, priority or fast calls.")]
FromOption = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="When it begins, or always; for a new price: always.")
]
ToOption = Annotated[str | None, typer.Option("--to", metavar="TIME", help="When it ends; what held before goes on.")]
NoteOption = Annotated[str, typer.Option("--note", help="Why, or the contract's number.")]
EveryOption = Annotated[bool, typer.Option("--every-project", help="For the calls of every project.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Calls that --dry-run looks at; else of 30 days.")
]
ApplyOption = Annotated[
    str | None, typer.Option("--apply-from", metavar="TIME", help="Reprice the stored calls since then at once.")
]
RateOption = Annotated[
    list[str] | None,
    typer.Option("--rate", metavar="UNIT=USD", help="Of any unit: web_searches=0.01, or input>200000=5 by size."),
]


@app.command(name="set")
def choose(
    name: NameArgument,
    model: ModelOption,
    input_: Annotated[str | None, typer.Option("--input", metavar="USD", help="Per million input tokens.")] = None,
    output: Annotated[str | None, typer.Option("--output", metavar="USD", help="Per million output tokens.")] = None,
    cache_read: Annotated[str | None, typer.Option("--cache-read", metavar="USD", help="Per million.")] = None,
    cache_write: Annotated[str | None, typer.Option("--cache-write", metavar="USD", help="Per million.")] = None,
    reasoning: Annotated[str | None, typer.Option("--reasoning", metavar="USD", help="Per million.")] = None,
    request: Annotated[str | None, typer.Option("--request", metavar="USD", help="Per call.")] = None,
    rate: RateOption = None,
    provider: ProviderOption = "",
    customer: CustomerOption = "",
    feature: FeatureOption = "",
    service: ClassOption = "",
    start: FromOption = None,
    end: ToOption = None,
    note: NoteOption = "",
    every_project: EveryOption = False,
    project: ProjectOption = "default",
    dry_run: DryOption = False,
    since: SinceOption = None,
    apply_from: ApplyOption = None,
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Set a price instead of the price list's, from a moment on.

    What an entry of this name said before ends there, and is kept. Without a rate of their own, cache reads and writes
    cost what input does, and reasoning what output does. New calls have it within seconds; stored ones by --apply-from.

    Example: spanledger prices set house --model "gpt-4o*" --input 2.25 --output 9 --from 2026-11-01
    """
    given = {"input": input_, "cache_read": cache_read, "cache_write": cache_write, "output": output,
             "reasoning": reasoning, "request": request}  # fmt: skip
    rates = {unit: text for unit, text in given.items() if text is not None}
    for each in rate or []:
        rates |= price_files.rates_of(each, "--rate")
    price = {"name": name, "kind": "price", "model": model, "provider": provider, "customer": customer,
             "feature": feature, "service": service, "rates": rates, "note": note}  # fmt: skip
    price_steps.change(
        price, start, end, project, every_project=every_project, dry_run=dry_run, since=since, apply_from=apply_from,
        form=form, data=data,
    )  # fmt: skip


@app.command()
def discount(
    name: NameArgument,
    percent: Annotated[str, typer.Option("--percent", metavar="PERCENT", help="What comes off, such as 12.5.")],
    model: ModelOption = "*",
    provider: ProviderOption = "",
    customer: CustomerOption = "",
    feature: FeatureOption = "",
    service: ClassOption = "",
    start: FromOption = None,
    end: ToOption = None,
    note: NoteOption = "",
    every_project: EveryOption = False,
    project: ProjectOption = "default",
    dry_run: DryOption = False,
    since: SinceOption = None,
    apply_from: ApplyOption = None,
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Take a percentage off whatever calls cost, by the price list or by a price of your own.

    Example: spanledger prices discount acme-deal --percent 12.5 --customer acme --provider openai
    """
    price = {"name": name, "kind": "discount", "percent": percent, "model": model, "provider": provider,
             "customer": customer, "feature": feature, "service": service, "note": note}  # fmt: skip
    price_steps.change(
        price, start, end, project, every_project=every_project, dry_run=dry_run, since=since, apply_from=apply_from,
        form=form, data=data,
    )  # fmt: skip


@app.command()
def commit(
    name: NameArgument,
    amount: Annotated[str, typer.Option("--amount", metavar="USD", help="Paid each month, used or not.")],
    model: ModelOption = "*",
    provider: ProviderOption = "",
    customer: CustomerOption = "",
    feature: FeatureOption = "",
    start: FromOption = None,
    end: ToOption = None,
    note: NoteOption = "",
    every_project: EveryOption = False,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Note an amount that is paid each calendar month (UTC), whether calls use it or not.

    Calls keep their prices and draw it down; what they leave is a line beside the ledger: see `prices lines`.

    Example: spanledger prices commit openai-2026 --amount 5000 --provider openai --from 2026-01-01 --to 2027-01-01
    """
    price = {"name": name, "kind": "commitment", "amount": amount, "model": model, "provider": provider,
             "customer": customer, "feature": feature, "note": note}  # fmt: skip
    price_steps.change(price, start, end, project, every_project=every_project, form=form, data=data)


@app.command()
def gpu(
    name: NameArgument,
    model: ModelOption,
    hourly: Annotated[str, typer.Option("--hourly", metavar="USD", help="What one GPU costs in an hour.")],
    gpus: Annotated[int, typer.Option("--gpus", min=1, help="How many of them run.")] = 1,
    by: Annotated[str, typer.Option("--by", help="Spread a day over its calls by tokens, or by duration.")] = "tokens",
    input_: Annotated[str | None, typer.Option("--input", metavar="USD", help="Estimate until a day is over.")] = None,
    output: Annotated[str | None, typer.Option("--output", metavar="USD", help="Estimate until then.")] = None,
    provider: ProviderOption = "",
    start: FromOption = None,
    end: ToOption = None,
    note: NoteOption = "",
    project: ProjectOption = "default",
    dry_run: DryOption = False,
    since: SinceOption = None,
    apply_from: ApplyOption = None,
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Set what a model of your own costs: GPUs by the hour, spread over the calls of each day (UTC) once it is over.

    Until then calls have the estimates per million tokens, or no price. Idle hours are spread as well.

    Example: spanledger prices gpu rack-1 --model "llama-4*" --hourly 2.10 --gpus 8 --input 0.4 --output 0.4
    """
    rates = {unit: text for unit, text in {"input": input_, "output": output}.items() if text is not None}
    price = {"name": name, "kind": "gpu", "model": model, "amount": hourly, "gpus": gpus, "share": by, "rates": rates,
             "provider": provider, "note": note}  # fmt: skip
    price_steps.change(
        price, start, end, project, dry_run=dry_run, since=since, apply_from=apply_from, form=form, data=data
    )


@app.command()
def remove(
    name: NameArgument,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="When it ends; else now. `always`: as if never set.")
    ] = None,
    project: ProjectOption = "default",
    dry_run: DryOption = False,
    since: SinceOption = None,
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """End an entry. Its versions are kept, and calls that were made while it held keep their price.

    Example: spanledger prices remove house --at 2026-12-01
    """
    settings = store_settings(data)
    if dry_run:
        if at != ALWAYS:
            raise Usage("--dry-run shows what stored calls would cost without it: say --at always as well.")
        price_steps.preview(settings, project, [], [name], since, form)
        return
    ends = None if at == ALWAYS else datetime.now(UTC) if at is None else moment(at, "--at")
    closed = price_calls.drop(settings, project, name, ends)["closed"]
    price_steps.show(HISTORY, closed, form)
    if at == ALWAYS and closed:
        sys.stderr.write("note: stored calls keep its price until they are repriced: spanledger reprice.\n")


@app.command()
def preview(
    file: FileArgument,
    project: ProjectOption = "default",
    since: SinceOption = None,
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Show which stored calls the prices in a file would reprice, and what they would cost. Changes nothing.

    Example: spanledger prices preview prices.csv --since 2026-11-01
    """
    wanted = [{"project": project, **each} for each in price_files.read(file)]
    price_steps.preview(store_settings(data), project, wanted, [], since, form)


@app.command(name="import")
def import_(
    file: FileArgument,
    project: ProjectOption = "default",
    dry_run: DryOption = False,
    since: SinceOption = None,
    apply_from: ApplyOption = None,
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Set the prices in a file, all of them or none. What holds already is left alone.

    Example: spanledger prices import prices.csv
    """
    settings = store_settings(data)
    wanted = price_files.read(file)
    if dry_run:
        price_steps.preview(settings, project, wanted, [], since, form)
        return
    price_steps.put(settings, wanted, project, apply_from, form)
