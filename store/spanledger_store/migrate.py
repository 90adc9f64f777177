"""The schema, brought to this release by numbered `.sql` files and a ledger of their checksums."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from importlib.resources import files
from string import Template

from spanledger_store.cluster import Cluster, spread
from spanledger_store.engine import Engine
from spanledger_store.errors import MigrationError
from spanledger_store.sql import load

LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations ${on_cluster} (
    number UInt32, slug String, checksum FixedString(64), applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ${replacing} ORDER BY number
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

    def statements(self, cluster: Cluster | None = None) -> list[str]:
        """The file's statements, for one server or for a cluster of them."""
        return _rendered(self.text, cluster)


def _rendered(source: str, cluster: Cluster | None) -> list[str]:
    variables = SINGLE_NODE if cluster is None else cluster.variables
    text = re.sub(r"^\s*--.*$", "", Template(source).substitute(variables), flags=re.MULTILINE)
    parts = [part.strip().rstrip(";") for part in text.split(";\n") if part.strip().rstrip(";")]
    return parts if cluster is None else [each for part in parts for each in cluster.schema(part)]


def shipped() -> list[Migration]:
    """The migrations of this release, in order."""
    found: list[Migration] = []
    for entry in sorted(files("spanledger_store").joinpath("migrations").iterdir(), key=lambda e: e.name):
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", entry.name)
        if match:
            found.append(Migration(int(match[1]), match[2], entry.read_text(encoding="utf-8")))
    return found


def script(cluster: Cluster | None = None) -> str:
    """Everything `migrate` runs on an empty database, as one text; for a cluster where one is given."""
    made = ["-- schema_migrations", *(f"{each};" for each in _rendered(LEDGER, cluster))]
    for migration in shipped():
        made.append(f"-- {migration.number:04d}_{migration.slug}")
        made += [f"{each};" for each in migration.statements(cluster)]
    return "\n\n".join(made) + "\n"


def _form(engine: Engine) -> Cluster | None:
    """The cluster as this database was made for it. Raises MigrationError where it was made for another form."""
    rows = engine.rows(load("cluster_spread"), {"database": engine.database})
    if not rows:
        return engine.cluster
    made = spread(rows[0][0])
    if engine.cluster is None:
        if made is not None:
            raise MigrationError(f"the database {engine.database} lies on a cluster. Set SPANLEDGER_CLUSTER={made[0]}.")
        return None
    if made is None:
        raise MigrationError(
            f"the database {engine.database} was made for one server. Name another with SPANLEDGER_DATABASE, and move "
            "projects there with: spanledger export project, spanledger import project."
        )
    name, shards = made
    if (name, max(shards, engine.cluster.shards)) != (engine.cluster.name, engine.cluster.shards):
        raise MigrationError(
            f"the database {engine.database} is spread over {shards} shard(s) of cluster {name}, but this is cluster "
            f"{engine.cluster.name} with {engine.cluster.shards}. Rows would be missing, or be there twice: put every "
            "shard back into remote_servers, in the same order."
        )
    return replace(engine.cluster, shards=shards)


def pending(engine: Engine) -> list[Migration]:
    """Migrations this database lacks.

    Raises MigrationError where an applied file has changed since, or where the database is newer than this release.
    """
    _form(engine)
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
    cluster = _form(engine)
    for statement in _rendered(LEDGER, cluster):
        engine.command(statement)
    for migration in todo:
        for statement in migration.statements(cluster):
            engine.command(statement)
        engine.insert(
            "schema_migrations",
            {"number": [migration.number], "slug": [migration.slug], "checksum": [migration.checksum]},
            token=f"migration-{migration.number}-{migration.checksum}",
        )
    return todo
