"""`spanledger export focus`: the ledger in the format of the FinOps Foundation."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from spanledger_cli import work
from spanledger_cli.options import DataOption, ProjectOption, store_settings
from spanledger_cli.output import console
from spanledger_cli.reprice import moment


class By(StrEnum):
    """How long a charge period is."""

    DAY = "day"
    HOUR = "hour"


def export(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="FILE.parquet or FILE.csv.")],
    start: Annotated[str, typer.Option("--from", metavar="DATE", help="The first UTC day.")],
    end: Annotated[str, typer.Option("--to", metavar="DATE", help="The UTC day after the last.")],
    by: Annotated[By, typer.Option("--by", help="How long a charge period is.")] = By.DAY,
    account: Annotated[str, typer.Option("--account", help="BillingAccountId; else the project.")] = "",
    project: ProjectOption = "default",
    data: DataOption = None,
) -> None:
    """Write the ledger as FOCUS 1.2: a row per charge period, customer, feature, team, model and class of tokens.

    The sum of BilledCost is that of the ledger, to the last digit. The file is replaced where it is there already.

    Example: spanledger export focus --from 2026-05-01 --to 2026-06-01 --out focus.parquet
    """
    settings, target = store_settings(data), out.expanduser().absolute()
    first, last = moment(start, "--from"), moment(end, "--to")

    def here(engine: Any, control: Any, progress: work.Progress) -> Any:
        from spanledger_analytics.jobs import ledger
        from spanledger_store.finance import focus_export

        # Nobody else serves the marks here.
        ledger.run(engine, control)
        wanted = focus_export.Wanted(project, first, last, target, by is By.HOUR, account)
        return focus_export.write(engine, control, wanted, progress)

    body = {"target": str(target), "start": first.isoformat(), "end": last.isoformat(), "hourly": by is By.HOUR,
            "project": project, "account": account}  # fmt: skip
    made = work.done(settings, "/api/v1/export/focus", body, here)
    console().print(f"{target}: FOCUS 1.2, {made['rows']} rows, {made['billed_cost']} USD", markup=False)
    if made["unpriced_calls"]:
        console().print(
            f"note: {made['unpriced_calls']} calls have no price; their rows cost 0, and x_UnpricedCalls tells them.",
            markup=False,
        )
