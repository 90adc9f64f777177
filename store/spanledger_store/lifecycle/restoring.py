"""Putting a backup where nothing is yet: all of it, counted, or not at all."""

from __future__ import annotations

import shutil
from datetime import UTC
from pathlib import Path
from typing import Any

from spanledger_store import ledger, migrate
from spanledger_store.control import Control, dirty, dump
from spanledger_store.engine import Engine
from spanledger_store.lifecycle import backup
from spanledger_store.lifecycle.backup import BackupRefused, Progress
from spanledger_store.settings import StoreSettings
from spanledger_store.sql import load


def restore(settings: StoreSettings, source: Path, spool: str, progress: Progress = lambda *_: None) -> dict[str, int]:
    """Make the installation of `settings` what the backup in `source` holds; rows of each table.

    Nothing may be there: not in the data directory, nor in the databases that the settings name. The data directory
    appears at the end, in one step; a restore that is cut short leaves none. Hours are recomputed, and the spool,
    under the name `spool`, is served by the next `up`. Raises BackupRefused, MigrationError or StoreError.
    """
    manifest = backup.read_manifest(source)
    backup.check_files(source, manifest, progress)
    if settings.data.exists() and any(settings.data.iterdir()):
        raise BackupRefused(f"{settings.data} is not empty; name a new directory with --data.")
    work = settings.data.with_name(f".{settings.data.name}.restoring")
    if work.exists():
        # Left by a restore that was cut short; nothing else has this name.
        shutil.rmtree(work)
    work.mkdir(mode=0o700, parents=True)
    there = settings.model_copy(update={"data": work})
    try:
        with Control.open(there) as control, Engine(there) as engine:
            if not dump.is_fresh(control):
                raise BackupRefused(
                    "the control database is not empty. Restore into another one with SPANLEDGER_CONTROL_URL."
                )
            progress("engine", 0, 0)
            backup.restore_engine(engine, source, manifest)
            found = backup.verify_counts(engine, manifest)
            migrate.migrate(engine)
            progress("control database", 0, 0)
            with (source / backup.CONTROL).open(encoding="utf-8") as file:
                dump.load(control, manifest["control_revision"], file)
            _settle(engine, control, progress)
        if (source / backup.SPOOL).exists():
            shutil.copyfile(source / backup.SPOOL, work / spool)
        if settings.data.exists():
            settings.data.rmdir()
        work.replace(settings.data)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return found


def _settle(engine: Engine, control: Control, progress: Progress) -> None:
    hours: list[tuple[str, Any]] = [
        (project, hour.replace(tzinfo=UTC)) for project, hour in engine.rows(load("backup_hours"))
    ]
    dirty.mark(control, hours)
    step = ledger.HOURS_PER_STATEMENT
    for at in range(0, len(hours), step):
        progress("ledger", at, len(hours))
        ledger.recompute(engine, hours[at : at + step])
    dirty.clear(control, dirty.pending(control))
