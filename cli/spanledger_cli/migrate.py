"""`spanledger migrate`: the schema of this release."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from spanledger_cli.errors import InUse, Usage
from spanledger_cli.options import DataOption, store_settings
from spanledger_cli.output import console

if TYPE_CHECKING:
    from spanledger_store.cluster import Cluster


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be applied, and apply nothing.")] = False,
    render: Annotated[
        bool, typer.Option("--render", help="Print the SQL of the whole schema, and apply nothing.")
    ] = False,
    cluster: Annotated[
        str,
        typer.Option(
            "--cluster", metavar="NAME", help="With --render: the SQL for this cluster of ClickHouse servers."
        ),
    ] = "",
    shards: Annotated[
        int, typer.Option("--shards", min=0, help="With --cluster: the number of its shards.", show_default=False)
    ] = 0,
    data: DataOption = None,
) -> None:
    """Bring both databases to this release's schema.

    `spanledger up` does so by itself.

    Example: spanledger migrate --dry-run
    """
    from spanledger_cli import running
    from spanledger_store import migrate as schema
    from spanledger_store.control import Control
    from spanledger_store.engine import Engine

    settings = store_settings(data)
    if render:
        sys.stdout.write(schema.script(_cluster(cluster, settings.database, shards)))
        return
    if cluster or shards:
        raise Usage("--cluster and --shards go with --render. To migrate a cluster, set SPANLEDGER_CLUSTER.")
    up = running.find(settings.data)
    if up is not None and settings.embedded:
        raise InUse(
            f"process {up.pid} serves {settings.data} and has migrated it at its start. There is nothing to do."
        )
    with Engine(settings) as engine:
        if dry_run:
            todo = schema.migrate(engine, dry_run=True)
        else:
            Control.open(settings).close()
            todo = schema.migrate(engine)
    out = console()
    for each in todo:
        out.print(f"{'would apply' if dry_run else 'applied'} {each.number:04d}_{each.slug}")
    if not todo:
        out.print(f"nothing to do: all {len(schema.shipped())} migrations are applied")


def _cluster(name: str, database: str, shards: int) -> Cluster | None:
    from spanledger_store.cluster import NAME, Cluster

    if bool(name) != bool(shards):
        raise Usage("--cluster NAME and --shards N go together: the number of shards is written into the tables.")
    if not name:
        return None
    if not NAME.fullmatch(name):
        raise Usage(f"{name!r} is no name of a cluster; use letters, digits and underscores.")
    return Cluster(name, database, shards)
