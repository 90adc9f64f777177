"""`spanledger import`: what others, or another installation, have written."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from spanledger_cli import bills, margin, work
from spanledger_cli.options import DataOption, store_settings
from spanledger_cli.output import console
from spanledger_cli.usage_import import usage

app = typer.Typer(no_args_is_help=True, help="Store what another installation, or a provider, has written.")


@app.callback()
def imports() -> None:
    """Store what another installation, or a provider, has written."""


@app.command()
def project(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="Directory of an export.")],
    project: Annotated[str | None, typer.Option("--project", help="Project it becomes; else the one it was.")] = None,
    data: DataOption = None,
) -> None:
    """Store a project that `spanledger export project` has written; again, it changes nothing.

    Every file is checked before anything is stored. The ledger is computed anew and compared.

    Example: spanledger import project ./default-2026 --project from-berlin
    """
    settings, place = store_settings(data), source.expanduser().absolute()

    def here(engine: Any, control: Any, progress: work.Progress) -> Any:
        from spanledger_analytics.jobs import ledger
        from spanledger_store.lifecycle import parquet

        made = parquet.load_export(engine, control, place, project=project, interface="command line", progress=progress)
        # Nobody else serves the marks here.
        ledger.run(engine, control)
        return made

    body = {"source": str(place), "project": project}
    made = work.done(settings, "/api/v1/import/project", body, here)
    console().print(
        f"project {made['project']}: {made['rows']['spans']} spans, {made['calls']} calls, {made['cost_usd']} USD",
        markup=False,
    )
    if (made["ledger_calls"], Decimal(made["ledger_cost_usd"])) != (made["calls"], Decimal(made["cost_usd"])):
        sys.stderr.write(
            f"note: the ledger of these hours now has {made['ledger_calls']} calls and {made['ledger_cost_usd']} USD: "
            "the project holds other or newer spans beside those imported.\n"
        )


app.command()(usage)
app.command()(bills.bill)
app.command()(margin.revenue)
