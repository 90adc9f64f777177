"""`spanledger delete`: what is stored of a customer, a user or a trace, removed with a proof."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spanledger_cli import running
from spanledger_cli.errors import CliError, Usage
from spanledger_cli.options import DataOption, Format, ProjectOption, store_settings
from spanledger_cli.output import busy, console, write_rows

if TYPE_CHECKING:
    from spanledger_store.lifecycle.deletion import Subject
    from spanledger_store.settings import StoreSettings


def delete(
    customer: Annotated[str | None, typer.Option("--customer", help="Everything of this customer.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="Everything of this user.")] = None,
    trace: Annotated[str | None, typer.Option("--trace", metavar="ID", help="One trace, by its whole id.")] = None,
    project: ProjectOption = "default",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
    data: DataOption = None,
) -> None:
    """Delete spans with their content, vectors and scores, for good, and prove it.

    Recomputes the ledger of the hours concerned, counts again and prints both. What was done is kept in the table
    audit, without the name. Exit code 1 when something of it is there again or still.

    Example: spanledger delete --user jane@example.com
    """
    from spanledger_store.lifecycle.deletion import Subject, SubjectInvalid

    named = [(k, v) for k, v in (("customer", customer), ("user", user), ("trace", trace)) if v is not None]
    if len(named) != 1:
        given = " and ".join(f"--{kind}" for kind, _ in named) or "nothing"
        raise Usage(f"{given} says what to delete; give exactly one of --customer, --user and --trace.")
    kind, value = named[0]
    try:
        subject = Subject(kind, value, project)  # pyright: ignore[reportArgumentType] - one of three words above
    except SubjectInvalid as error:
        raise Usage(str(error)) from error
    settings = store_settings(data)
    with busy("looking"):
        found: dict[str, int] = _asked(settings, subject, dry_run=True)["tables"]
    if not any(found.values()):
        # Done all the same: it finishes a run that was cut short, and the audit says that it was asked for.
        _asked(settings, subject, dry_run=False)
        console().print(f"Nothing of {kind} {value} is stored in project {project}.", markup=False)
        return
    if not yes:
        _confirm(kind, value, found)
    with busy("deleting"):
        proof = _asked(settings, subject, dry_run=False)
    _show(proof)
    if not proof["complete"]:
        raise CliError("it is not all gone: spans of it arrived meanwhile, or the books still move. Run it again.")


def _confirm(kind: str, value: str, found: dict[str, int]) -> None:
    counts = ", ".join(f"{rows} {table}" for table, rows in found.items() if rows)
    sys.stderr.write(f"This deletes {counts}, for good.\nType the {kind} to go on: ")
    sys.stderr.flush()
    typed = sys.stdin.readline().strip()
    if typed != value.strip():
        raise Usage(f"{typed!r} is not the {kind} to delete; nothing was deleted. Type it exactly, or use --yes.")


def _asked(settings: StoreSettings, subject: Subject, *, dry_run: bool) -> dict[str, Any]:
    up = running.find(settings.data)
    if up is not None:
        body = {"kind": subject.kind, "value": subject.value, "project": subject.project, "dry_run": dry_run}
        return up.post("/api/v1/delete", body)
    # The engine is a large library: loaded only where it is opened.
    from spanledger_analytics.jobs import ledger
    from spanledger_cli.reader import opened
    from spanledger_store.lifecycle import deletion

    with opened(settings) as (engine, control):
        if dry_run:
            return {"tables": deletion.preview(engine, subject)}
        proof = deletion.delete(engine, control, subject, interface="command line")
        # Nobody else serves the marks here.
        ledger.run(engine, control)
        return proof.as_json()


def _show(proof: dict[str, Any]) -> None:
    columns = [("table", "String"), ("before", "UInt64"), ("deleted", "UInt64"), ("after", "UInt64")]
    write_rows(columns, [[each[name] for name, _ in columns] for each in proof["tables"]], Format.TABLE)
    before, after = proof["before"], proof["after"]
    amounts = [("books", "String"), ("calls", "UInt64"), ("cost_usd", "Decimal")]
    lines = [
        ["ledger before", before["ledger_calls"], before["ledger_cost"]],
        ["ledger after", after["ledger_calls"], after["ledger_cost"]],
        ["spans after", after["span_calls"], after["span_cost"]],
    ]
    write_rows(amounts, lines, Format.TABLE)
    out = console()
    out.print(f"The books are those of the {proof['hours']} hour(s) concerned.")
    if proof["beside"]:
        out.print(f"Kept: {proof['beside']} span(s) of the same traces that are not marked so; see --trace.")
    if proof.get("waiting"):
        out.print(f"Not looked at: {proof['waiting']} span(s) in the spool, not stored yet. Run it again to be sure.")
