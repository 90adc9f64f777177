"""`spanledger drift baselines`: what drift is measured against, beside all calls before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from spanledger_cli.asking import of_control, of_store, requests
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, write_document, write_rows
from spanledger_cli.reprice import moment

if TYPE_CHECKING:
    from spanledger_store.control import Control
    from spanledger_store.engine import Engine

app = typer.Typer(no_args_is_help=True, help="Pinned baselines: each day is compared with each of them.")

_PATH = "/api/v1/drift/baselines"
_KEPT: list[Column] = [
    ("name", "String"), ("from", "String"), ("to", "String"), ("versions", "String"), ("slice", "String"),
    ("who", "String"),
]  # fmt: skip
_DAYS = 28
_INTERFACE = "command line"

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The baseline's name, unique in its project.")]


def only(what: str) -> Any:
    """An option that narrows calls."""
    return typer.Option(metavar="VALUE", help=f"Only calls of this {what}.")


def theirs(what: str) -> Any:
    """An option for what the calls that are compared with have instead."""
    return typer.Option(metavar="VALUE", help=f"Compare with calls of this {what}.")


@app.command(name="list")
def list_(project: ProjectOption = "default", form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """List a project's pinned baselines.

    Example: spanledger drift baselines list
    """

    def here(control: Control) -> Any:
        from spanledger_store.control import baselines, projects

        projects.get(control, project)
        return [each.as_json() for each in baselines.listing(control, project)]

    found = of_control(store_settings(data), lambda up: up.get(f"{_PATH}?project={quote(project)}"), here)
    _write(found, form)


@app.command()
def pin(
    name: NameArgument,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help=f"UTC without a zone; else {_DAYS} days before --to.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Not included; else the last midnight of UTC.")
    ] = None,
    release: Annotated[str, typer.Option(metavar="VALUE", help="The baseline is of calls of this release.")] = "",
    model: Annotated[str, typer.Option(metavar="VALUE", help="The baseline is of calls of this model.")] = "",
    prompt_version: Annotated[
        str, typer.Option(metavar="VALUE", help="The baseline is of calls of this prompt version.")
    ] = "",
    customer: Annotated[str, only("customer")] = "",
    feature: Annotated[str, only("feature")] = "",
    team: Annotated[str, only("team")] = "",
    environment: Annotated[str, only("environment")] = "",
    who: Annotated[str, typer.Option("--by", metavar="NAME", help="Who pins it.")] = "",
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Pin a baseline, in place of the one of this name: each day is compared with it from now on.

    --customer, --feature, --team and --environment narrow both sides; a release, model or prompt version the baseline
    alone. Kept in the table audit.

    Example: spanledger drift baselines pin "before the move" --from 2026-10-01 --to 2026-10-29 --by Jo
    """
    last = moment(end, "--to") if end else datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = moment(start, "--from") if start else last - timedelta(days=_DAYS)
    about = {"customer": customer, "feature": feature, "team": team, "environment": environment}
    of = {"release": release, "model": model, "prompt_version": prompt_version}
    slice_ = {key: value for key, value in about.items() if value}
    versions = {key: value for key, value in of.items() if value}

    # A name that cannot be would not even reach the running server's route.
    with requests():
        from spanledger_store.control.baselines import check_name

        check_name(name)

    def here(engine: Engine, control: Control) -> Any:
        from spanledger_store.control import projects
        from spanledger_store.control.baselines import Baseline
        from spanledger_store.quality import baseline_changes
        from spanledger_store.reports import baseline_calls

        made = Baseline(project, name, first, last, slice_, versions, who)
        projects.get(control, project)
        baseline_calls.check(engine, made, datetime.now(UTC))
        return baseline_changes.pin(engine, control, made, interface=_INTERFACE).as_json()

    body = {"project": project, "from": first.isoformat(), "to": last.isoformat(), "slice": slice_,
            "versions": versions, "who": who}  # fmt: skip
    path = f"{_PATH}/{quote(name, safe='')}"
    _write([of_store(store_settings(data), lambda up: up.put(path, body), here)], form)


@app.command()
def unpin(
    name: NameArgument,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Take a baseline away; looks that were made against it stay.

    Example: spanledger drift baselines unpin "before the move"
    """

    def here(engine: Engine, control: Control) -> Any:
        from spanledger_store.quality import baseline_changes

        return baseline_changes.unpin(engine, control, project, name, interface=_INTERFACE).as_json()

    path = f"{_PATH}/{quote(name, safe='')}?project={quote(project)}"
    _write([of_store(store_settings(data), lambda up: up.delete(path), here)], form)


def _write(found: list[dict[str, Any]], form: Format) -> None:
    if form is Format.JSON:
        write_document(found)
        return
    rows = [
        [each["name"], each["from"][:16], each["to"][:16], _pairs(each["versions"]), _pairs(each["slice"]), each["who"]]
        for each in found
    ]
    write_rows(_KEPT, rows, form)


def _pairs(held: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in held.items())
