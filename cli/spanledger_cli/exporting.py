"""`spanledger export`: what is stored, in forms that others read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spanledger_cli import export_table, focus, work
from spanledger_cli.options import DataOption, ProjectOption, store_settings
from spanledger_cli.output import console
from spanledger_cli.reprice import moment

app = typer.Typer(no_args_is_help=True, help="Write what is stored, in forms that others read.")


@app.callback()
def export() -> None:
    """Write what is stored, in forms that others read."""


@app.command()
def project(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="New directory.")],
    project: ProjectOption = "default",
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Full hour, in UTC without a zone; else all.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Full hour, not included.")] = None,
    data: DataOption = None,
) -> None:
    """Write a project as Parquet files by table and month, exactly, with a manifest of counts and checksums.

    Example: spanledger export project ./default-2026 --from 2026-01-01 --to 2027-01-01
    """
    settings, place = store_settings(data), target.expanduser().absolute()
    bounds = {
        name: moment(text, option)
        for name, text, option in (("start", start, "--from"), ("end", end, "--to"))
        if text is not None
    }

    def here(engine: Any, control: Any, progress: work.Progress) -> Any:
        from spanledger_analytics.jobs import ledger
        from spanledger_store.lifecycle import parquet

        # Nobody else serves the marks here.
        ledger.run(engine, control)
        return parquet.export(engine, control, parquet.Selection(project, **bounds), place, progress)

    body = {"target": str(place), "project": project, **{name: at.isoformat() for name, at in bounds.items()}}
    made = work.done(settings, "/api/v1/export/project", body, here)
    console().print(
        f"{place}: {made['rows']['spans']} spans in {len(made['files'])} files, {made['calls']} calls, "
        f"{made['cost_usd']} USD",
        markup=False,
    )


app.command()(export_table.table)
app.command(name="focus")(focus.export)
