"""Backups: everything acknowledged before one began is in it, either stored or still in the spool.

The spool is copied first, the control database after it, the engine last. What leaves the spool does so after it is
stored, so that whatever the copy of the spool lacks the later copies have.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from spanledger_store import migrate
from spanledger_store.control import Control, dump
from spanledger_store.control.exclusive import exclusively
from spanledger_store.engine import Engine
from spanledger_store.errors import QueryError, StoreError
from spanledger_store.lifecycle.manifest import write as write_manifest
from spanledger_store.sql import load

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
SPOOL: Final = "spool.db"
CONTROL: Final = "control.jsonl"
ENGINE: Final = "engine"
_BLOCK: Final = 1 << 20

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much (0: unknown)."""


class BackupRefused(StoreError):
    """A backup cannot be made there, or what is there cannot be restored; the message says why and what to do."""


def backup(
    engine: Engine,
    control: Control,
    spool: Path,
    target: Path,
    *,
    engine_at: str | None = None,
    progress: Progress = lambda *_: None,
) -> dict[str, Any]:
    """Write a backup into the new directory `target`; its manifest, which is written last.

    `engine_at` names where a ClickHouse server puts its own part, such as `Disk('backups', 'monday')`; without it,
    a directory inside `target`. May run while spans arrive. Deletion, repricing, retention and import wait for it.
    Raises BackupRefused, Occupied or StoreError; a directory without a manifest is no backup.
    """
    if target.exists() and any(target.iterdir()):
        raise BackupRefused(f"{target} is not empty; name a new directory.")
    if not target.parent.is_dir():
        raise BackupRefused(f"{target.parent} does not exist; make it, or name another directory.")
    target.mkdir(mode=0o700, exist_ok=True)
    if engine.cluster is not None and engine_at is None:
        raise BackupRefused(
            "every server of a cluster writes its own part of a backup. Name a place that all of them reach, with "
            "--engine-at \"S3(...)\" or \"Disk('backups', 'name')\"."
        )
    with exclusively(control):
        begun = datetime.now(UTC)
        progress("spool", 0, 0)
        waiting = _copy_spool(spool, target / SPOOL)
        progress("control database", 0, 0)
        with (target / CONTROL).open("w", encoding="utf-8") as file:
            file.writelines(dump.lines(control))
        progress("engine", 0, 0)
        at = engine_at or f"File('{_quoted(target / ENGINE)}')"
        before = table_counts(engine)
        _command(engine, f"BACKUP DATABASE {engine.database} {_everywhere(engine)} TO {at}")
        after = table_counts(engine)
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "spanledger": version("spanledger"),
            "begun": begun.isoformat(),
            "finished": datetime.now(UTC).isoformat(),
            "database": engine.database,
            "engine_at": engine_at,
            "migrations": {f"{each.number:04d}": each.checksum for each in migrate.shipped()},
            "control_revision": dump.revision(control),
            "spool": waiting,
            # Spans may arrive while the engine is at it: of each table it holds at least the one, at most the other.
            "rows": {name: [before[name], after[name]] for name in sorted(before)},
            "files": _sums(target, progress),
        }
    write_manifest(target / MANIFEST, manifest)
    return manifest


def table_counts(engine: Engine) -> dict[str, int]:
    """Rows of every table that holds data, each row in its newest version only."""
    kind = "Distributed" if engine.cluster else "MergeTree"
    names = [name for (name,) in engine.rows(load("backup_tables"), {"kind": kind})]
    return {name: int(engine.rows(load("backup_count").replace("${table}", name))[0][0]) for name in names}


def read_manifest(source: Path) -> dict[str, Any]:
    """The manifest of a backup that this release can restore. Raises BackupRefused."""
    try:
        manifest: dict[str, Any] = json.loads((source / MANIFEST).read_text(encoding="utf-8"))
        written, shape = manifest["spanledger"], manifest["format"]
        migrations: Mapping[str, str] = manifest["migrations"]
    except FileNotFoundError as error:
        raise BackupRefused(
            f"{source} has no {MANIFEST}: it is no backup, or one that was cut short. Name another directory."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupRefused(
            f"{source / MANIFEST} cannot be read: {error!r}. Use another copy of the backup."
        ) from error
    shipped = {f"{each.number:04d}": each.checksum for each in migrate.shipped()}
    newer = sorted(migrations.keys() - shipped.keys())
    if shape > FORMAT or newer:
        what = f"migration {newer[0]}" if newer else f"format {shape}"
        raise BackupRefused(
            f"{source} was made by Spanledger {written}, with {what}, which this release ({version('spanledger')}) "
            "does not know. Upgrade Spanledger, then restore."
        )
    changed = sorted(number for number, checksum in migrations.items() if shipped[number] != checksum)
    if changed:
        raise BackupRefused(
            f"{source} has another migration {changed[0]} than this release; restore it with Spanledger {written}."
        )
    return manifest


def check_files(source: Path, manifest: Mapping[str, Any], progress: Progress = lambda *_: None) -> None:
    """Read every file of a backup. Raises BackupRefused naming those that are damaged or missing."""
    files: Mapping[str, Mapping[str, Any]] = manifest["files"]
    bad: list[str] = []
    for number, (name, known) in enumerate(sorted(files.items())):
        progress("checking files", number, len(files))
        path = source / name
        if not path.is_file():
            bad.append(f"{name} is missing")
        elif path.stat().st_size != known["bytes"] or digest(path) != known["sha256"]:
            bad.append(f"{name} is damaged")
    if bad:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise BackupRefused(f"{source}: {'; '.join(bad[:3])}{more}. Use another copy of the backup.")


def digest(path: Path) -> str:
    """SHA-256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def restore_engine(engine: Engine, source: Path, manifest: Mapping[str, Any]) -> None:
    """Fill an empty database from a backup's part of the engine. Raises BackupRefused where it is not empty."""
    if table_counts(engine):
        raise BackupRefused(
            f"the database {engine.database} is not empty. Restore into another one with SPANLEDGER_DATABASE."
        )
    at = manifest["engine_at"] or f"File('{_quoted(source / ENGINE)}')"
    _command(engine, f"RESTORE DATABASE {manifest['database']} AS {engine.database} {_everywhere(engine)} FROM {at}")


def verify_counts(engine: Engine, manifest: Mapping[str, Any]) -> dict[str, int]:
    """Rows of each restored table. Raises BackupRefused where they are not those of the backup."""
    found = table_counts(engine)
    for name, (least, most) in manifest["rows"].items():
        if not least <= found.get(name, 0) <= most:
            raise BackupRefused(
                f"{name} has {found.get(name, 0)} rows after the restore; the backup was made of {least} to {most}. "
                "Use another backup, and report this."
            )
    return found


def _copy_spool(spool: Path, target: Path) -> dict[str, int]:
    if not spool.exists():
        return {"entries": 0, "spans": 0}
    source = sqlite3.connect(f"{spool.resolve().as_uri()}?mode=ro", uri=True, timeout=30)
    with closing(source), closing(sqlite3.connect(target)) as copy:
        # All pages in one step, so that they are of one moment; senders go on writing to the log meanwhile.
        source.backup(copy)
        entries, spans = copy.execute("SELECT count(*), coalesce(sum(spans), 0) FROM entries").fetchone()
        copy.execute("PRAGMA journal_mode = DELETE")
    return {"entries": int(entries), "spans": int(spans)}


def _sums(target: Path, progress: Progress) -> dict[str, dict[str, Any]]:
    files = sorted(path for path in target.rglob("*") if path.is_file())
    found: dict[str, dict[str, Any]] = {}
    for number, path in enumerate(files):
        progress("checksums", number, len(files))
        found[path.relative_to(target).as_posix()] = {"bytes": path.stat().st_size, "sha256": digest(path)}
    return found


def _command(engine: Engine, statement: str) -> None:
    try:
        engine.rows(statement)
    except QueryError as error:
        if "allowed_path" in str(error) or "not allowed" in str(error):
            raise BackupRefused(
                f"the ClickHouse server may not use that path: {error}. Allow it there with backups.allowed_path, or "
                "name a place it may use with --engine-at \"Disk('backups', 'name')\"."
            ) from error
        raise


def _everywhere(engine: Engine) -> str:
    return engine.cluster.variables["on_cluster"] if engine.cluster else ""


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace("'", "\\'")
