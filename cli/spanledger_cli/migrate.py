"""`spanledger migrate`: the schema of this release."""

from __future__ import annotations

from typing import Annotated

import typer

from spanledger_cli.errors import InUse
from spanledger_cli.options import DataOption, store_settings
from spanledger_cli.output import console


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be applied, and apply nothing.")] = False,
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
