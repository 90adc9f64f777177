"""The schema, brought to this release by numbered `.sql` files and a ledger of their checksums."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from spanledger_store.engine import Engine
from spanledger_store.errors import MigrationError

LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number UInt32, slug String, checksum FixedString(64), applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree ORDER BY number
"""

SINGLE_NODE = {"on_cluster": "", "replacing": "ReplacingMergeTree"}


@dataclass(frozen=True, slots=True)
class Migration:
    """One `NNNN_slug.sql` file: append-only and idempotent, so that a run cut short can be run again."""

    number: int
    slug: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file as shipped, before template variables are filled in."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def statements(self, variables: dict[str, str] = SINGLE_NODE) -> list[str]:
        """The file's statements with engine and cluster variables filled in."""
        text = re.sub(r"^\s*--.*$", "", Template(self.text).substitute(variables), flags=re.MULTILINE)
        return [part.strip() for part in text.split(";\n") if part.strip().rstrip(";")]


def shipped() -> list[Migration]:
    """The migrations of this release, in order."""
    found: list[Migration] = []
    for entry in sorted(files("spanledger_store").joinpath("migrations").iterdir(), key=lambda e: e.name):
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", entry.name)
        if match:
            found.append(Migration(int(match[1]), match[2], entry.read_text(encoding="utf-8")))
    return found


def pending(engine: Engine) -> list[Migration]:
    """Migrations this database lacks.

    Raises MigrationError where an applied file has changed since, or where the database is newer than this release.
    """
    exists = engine.rows(
        "SELECT count() FROM system.tables WHERE database = {db:String} AND name = 'schema_migrations'",
        {"db": engine.database},
    )[0][0]
    applied: dict[int, tuple[str, str]] = {}
    if exists:
        for number, slug, checksum in engine.rows(
            "SELECT number, slug, toString(checksum) FROM schema_migrations FINAL"
        ):
            applied[number] = (slug, checksum)
    todo: list[Migration] = []
    for migration in shipped():
        known = applied.pop(migration.number, None)
        if known is None:
            todo.append(migration)
        elif known[1] != migration.checksum:
            raise MigrationError(
                f"migration {migration.number:04d}_{migration.slug} was applied with checksum {known[1][:12]} but this "
                f"release ships {migration.checksum[:12]}. Restore the file; changes belong in a new migration."
            )
    if applied:
        newest = max(applied)
        raise MigrationError(
            f"the database has migration {newest:04d}_{applied[newest][0]}, which this release does not know. "
            "Upgrade Spanledger, or restore a backup made before that upgrade."
        )
    return todo


def migrate(engine: Engine, *, dry_run: bool = False) -> list[Migration]:
    """Apply what is pending and return it; with `dry_run`, only return it."""
    todo = pending(engine)
    if dry_run:
        return todo
    engine.command(LEDGER)
    for migration in todo:
        for statement in migration.statements():
            engine.command(statement)
        engine.insert(
            "schema_migrations",
            {"number": [migration.number], "slug": [migration.slug], "checksum": [migration.checksum]},
            token=f"migration-{migration.number}-{migration.checksum}",
        )
    return todo
