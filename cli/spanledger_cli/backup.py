"""`spanledger backup` and `spanledger restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spanledger_cli import running, work
from spanledger_cli.errors import InUse
from spanledger_cli.options import DataOption, store_settings
from spanledger_cli.output import console


def backup(
    target: Annotated[Path, typer.Argument(metavar="DEST", help="New directory for the backup.")],
    engine_at: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE", help="Where a ClickHouse server puts its part, such as \"Disk('backups', 'a')\"."
        ),
    ] = None,
    data: DataOption = None,
) -> None:
    """Back up everything that has been acknowledged, also while `up` runs and spans arrive.

    DEST gets the engine's tables, the control database and the spool, and at last manifest.json with counts and
    checksums; a directory without it is no backup.

    Example: spanledger backup ./monday
    """
    settings, place = store_settings(data), target.expanduser().absolute()

    def here(engine: Any, control: Any, progress: work.Progress) -> Any:
        from spanledger_store.lifecycle import backup as backups

        spool = settings.data / "spool.db"
        return backups.backup(engine, control, spool, place, engine_at=engine_at, progress=progress)

    body = {"target": str(place), "engine_at": engine_at}
    made = work.done(settings, "/api/v1/backup", body, here)
    size = sum(each["bytes"] for each in made["files"].values())
    console().print(
        f"{place}: {made['rows']['span_rows'][0]} spans, {made['spool']['spans']} more in the spool, "
        f"{len(made['files'])} files, {size / 2**20:.1f} MiB",
        markup=False,
    )


def restore(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Directory of a backup.")],
    data: DataOption = None,
) -> None:
    """Restore a backup to a place where nothing is yet, and count it.

    Refuses damaged files, backups of newer releases, and a data directory or database that is not empty. The data
    directory appears when all is done.

    Example: spanledger restore ./monday --data ./restored
    """
    from spanledger_store.lifecycle import restoring

    settings = store_settings(data)
    up = running.find(settings.data)
    if up is not None:
        raise InUse(f"process {up.pid} serves {settings.data}. Restore to another directory with --data.")
    with work.bar() as progress:
        found = restoring.restore(settings, source.expanduser().absolute(), "spool.db", progress)
    console().print(f"{settings.data}: {found['span_rows']} spans restored, counted and in the ledger", markup=False)
