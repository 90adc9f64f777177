"""`spanledger export table`: any table as a file, whatever its size."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from spanledger_cli import work
from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, ProjectOption, store_settings
from spanledger_cli.output import console
from spanledger_cli.reprice import moment


class TableFormat(StrEnum):
    """How a table is written."""

    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


def table(
    name: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help="spans, span_content, embeddings, scores, ledger, logs, metrics, bills, revenue, findings, audit.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="New file.")],
    form: Annotated[TableFormat, typer.Option("--format", help="Exact in every one of them.")] = TableFormat.CSV,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="UTC without a zone; else all.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Not included.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="COLUMN=VALUE", help="Only such rows; of one column, alternatives."),
    ] = None,
    project: ProjectOption = "default",
    data: DataOption = None,
) -> None:
    """Write a table's rows as CSV, Parquet or Arrow, oldest first; memory does not grow with them.

    Example: spanledger export table spans --format parquet --where customer=Acme --out spans.parquet
    """
    settings, target = store_settings(data), out.expanduser().absolute()
    if target.exists():
        raise Usage(f"--out {target} is there already; name a new file.")
    bounds = {
        side: moment(text, option)
        for side, text, option in (("start", start, "--from"), ("end", end, "--to"))
        if text is not None
    }

    def here(engine: Any, control: Any, progress: work.Progress) -> Any:
        from spanledger_analytics.jobs import ledger
        from spanledger_store import tables
        from spanledger_store.lifecycle.parquet import Selection

        # Nobody else serves the marks here.
        ledger.run(engine, control)
        asked = tables.Asked(name, tables.Form(form.value), Selection(project, **bounds), tables.filters(where or []))
        return tables.write(engine, asked, target, progress)

    body = {
        "table": name, "format": form.value, "target": str(target), "project": project, "where": where or [],
        **{side: at.isoformat() for side, at in bounds.items()},
    }  # fmt: skip
    made = work.done(settings, "/api/v1/export/table", body, here)
    console().print(f"{target}: {made['rows']} rows, {made['bytes']} bytes", markup=False)
