"""`spanledger import bill` and `spanledger bills`: what providers billed."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from spanledger_cli import running, work
from spanledger_cli.errors import CliError
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, console, write_rows
from spanledger_cli.reader import of_control

if TYPE_CHECKING:
    from spanledger_store.control import Control

app = typer.Typer(no_args_is_help=True, help="Bills of providers: which are imported, and what names in them mean.")

_PATH = "/api/v1/bills"
_FILES: list[Column] = [
    ("file", "String"),
    ("source", "String"),
    ("rows", "UInt64"),
    ("taken", "UInt64"),
    ("lines", "UInt64"),
    ("repeated", "UInt64"),
    ("left_out", "UInt64"),
    ("refused", "UInt64"),
    ("amounts", "String"),
    ("from", "String"),
    ("to", "String"),
]
_IMPORTED: list[Column] = [
    ("provider", "String"),
    ("source", "String"),
    ("account", "String"),
    ("lines", "UInt64"),
    ("from", "String"),
    ("to", "String"),
    ("amount", "Decimal"),
    ("currency", "String"),
    ("imported_at", "String"),
]
_MODELS: list[Column] = [("pattern", "String"), ("model", "String")]


class Kind(StrEnum):
    """Which export a file is."""

    AUTO = "auto"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    AWS_CUR = "aws-cur"
    COST_EXPLORER = "cost-explorer"
    AZURE = "azure"
    GCP = "gcp"
    FOCUS = "focus"


PatternArgument = Annotated[str, typer.Argument(metavar="PATTERN", help="Words of an item, with * for any.")]


def bill(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON, JSON lines, CSV or Parquet; gzip too.")],
    kind: Annotated[Kind, typer.Option("--format", help="What the files are; auto looks at them.")] = Kind.AUTO,
    provider: Annotated[str, typer.Option("--provider", help="Whose bill it is, in place of what it says.")] = "",
    account: Annotated[str, typer.Option("--account", help="Which account was billed, likewise.")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Withdraw lines of the same days that these files do not have.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and compare, and store nothing.")] = False,
    project: ProjectOption = "default",
    output: Annotated[Format, typer.Option("--output", help="How to print the summary.")] = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Store what OpenAI, Anthropic, AWS, Azure, Google Cloud or a FOCUS file have billed; again, it changes nothing.

    A newer export of the same lines replaces them. Rows that cannot be read are named on standard error, and the others
    are imported; what other services cost is counted and left out.

    Exit codes: 0 all is stored, 1 something was refused or failed, 2 wrong request, 3 the data directory is in use.

    Example: spanledger import bill costs.json --dry-run
    """
    settings = store_settings(data)
    body: dict[str, Any] = {
        "files": [str(path.expanduser().absolute()) for path in files],
        "project": project,
        "kind": "" if kind is Kind.AUTO else kind.value,
        "provider": provider,
        "account": account,
        "replace": replace,
        "dry_run": dry_run,
    }

    def here(engine: Any, control: Any, progress: work.Progress) -> Any:
        from spanledger_collector.bills import Wanted, take

        asked: dict[str, Any] = {**body, "files": [Path(each) for each in body["files"]]}
        wanted = Wanted(**asked)
        return take(engine, control, wanted, interface="command line", progress=progress)

    made = work.done(settings, "/api/v1/import/bill", body, here)
    _tell(made, replace=replace, dry_run=dry_run)
    write_rows(_FILES, [_summary(each) for each in made["files"]], output)
    if made["errors"] or any(each["refused"] for each in made["files"]):
        raise typer.Exit(CliError.code)


@app.command(name="list")
def list_(project: ProjectOption = "default", form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """List which bills have been imported.

    Example: spanledger bills list
    """
    found = _kept(project, data)["bills"]
    write_rows(_IMPORTED, [[each[name] for name, _ in _IMPORTED] for each in found], form)


@app.command()
def models(project: ProjectOption = "default", form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """List which models of the ledger have been named for items of bills.

    Example: spanledger bills models
    """
    found = _kept(project, data)["models"]
    write_rows(_MODELS, [[each[name] for name, _ in _MODELS] for each in found], form)


@app.command(name="map")
def map_(
    pattern: PatternArgument,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As the ledger names it.")],
    project: ProjectOption = "default",
    data: DataOption = None,
) -> None:
    """Say which model of the ledger an item of a bill is about, where its name does not.

    Example: spanledger bills map "*our tuned model*" gpt-4o-2024-08-06
    """

    def here(control: Control) -> Any:
        from spanledger_store.control import bill_models

        return bill_models.put(control, project, pattern, model)

    body = {"pattern": pattern, "model": model, "project": project}
    of_control(store_settings(data), lambda up: up.put(f"{_PATH}/models", body), here)
    console().print(f"Items like {pattern} are {model}.", markup=False)


@app.command()
def unmap(pattern: PatternArgument, project: ProjectOption = "default", data: DataOption = None) -> None:
    """Forget what was said about a pattern.

    Example: spanledger bills unmap "*our tuned model*"
    """

    def here(control: Control) -> Any:
        from spanledger_store.control import bill_models

        return bill_models.remove(control, project, pattern)

    path = f"{_PATH}/models?project={quote(project)}&pattern={quote(pattern)}"
    of_control(store_settings(data), lambda up: up.delete(path), here)
    console().print(f"Items like {pattern} are what their names say.", markup=False)


def _kept(project: str, data: Path | None) -> dict[str, Any]:
    settings = store_settings(data)
    up = running.find(settings.data)
    if up is not None:
        found: dict[str, Any] = up.get(f"{_PATH}?project={quote(project)}")
        return found
    from spanledger_cli.reader import opened
    from spanledger_store.billing import bills
    from spanledger_store.control import bill_models

    with opened(settings) as (engine, control):
        rules = [{"pattern": pattern, "model": model} for pattern, model in bill_models.rules(control, project)]
        return {"bills": bills.imported(engine, project), "models": rules}


def _tell(made: dict[str, Any], *, replace: bool, dry_run: bool) -> None:
    """What became of rows that are no lines, and what the store has beside the lines; on standard error."""
    for each in made["files"]:
        for where, reason in each["refused"]:
            sys.stderr.write(f"refused: {each['file']}, {where}: {reason}\n")
        for reason, count in each["left_out"].items():
            sys.stderr.write(f"left out: {each['file']}: {count} row(s): {reason}\n")
    for error in made["errors"]:
        sys.stderr.write(f"error: {error}\n")
    stored = made["stored"]
    verb = "would be" if dry_run else "are"
    sys.stderr.write(f"{stored['new']} lines {verb} new, {stored['changed']} changed, {stored['same']} the same.\n")
    if stored["beside"]:
        worth = ", ".join(f"{amount} {name}" for name, amount in stored["beside_amount"].items())
        stay = "They were withdrawn." if replace else "They stay and count; --replace withdraws them."
        sys.stderr.write(
            f"note: {stored['beside']} lines ({worth}) of the same days and account are not in these files: of an "
            f"earlier export, or grouped in another way. {stay}\n"
        )


def _summary(each: dict[str, Any]) -> list[Any]:
    amounts = ", ".join(f"{amount} {name}" for name, amount in each["amounts"].items())
    named = {**each, "left_out": sum(each["left_out"].values()), "refused": len(each["refused"]), "amounts": amounts}
    return [named[name] for name, _ in _FILES]
